"""The private half of a hybrid recipient key: ML-KEM-768 and X25519, of which an attacker needs both.

A thief who keeps today's ciphertext for a quantum computer to come gains nothing while ML-KEM holds;
if ML-KEM falls instead, X25519 still stands. The combination is that of HPKE's KEM 0x647a (X-Wing).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

ALGORITHM = "mlkem768x25519"
_LATTICE = 1184
_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n")


@dataclass(frozen=True, slots=True, repr=False)
class HybridPrivateKey:
    """Both private halves; the library's own combination of them can open, but not be written."""

    lattice: MLKEM768PrivateKey
    curve: X25519PrivateKey

    @classmethod
    def generate(cls) -> Self:
        """A new one."""
        return cls(MLKEM768PrivateKey.generate(), X25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read what `pem` wrote.

        Raises:
            ValueError: it is not these two blocks, in this order.
        """
        blocks = _BLOCK.findall(pem)
        if len(blocks) != 2 or b"".join(blocks) != pem:
            raise ValueError("not two private keys")
        lattice, curve = (serialization.load_pem_private_key(block, None) for block in blocks)
        if not isinstance(lattice, MLKEM768PrivateKey) or not isinstance(curve, X25519PrivateKey):
            raise ValueError("not ML-KEM-768 and X25519")  # noqa: TRY004  (of a file, not of code)
        return cls(lattice, curve)

    def pem(self) -> bytes:
        """Two blocks of unencrypted PKCS#8: ML-KEM-768 (its seed), then X25519."""
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        return self.lattice.private_bytes(*form, plain) + self.curve.private_bytes(*form, plain)

    def public_raw(self) -> bytes:
        """The public half: 1184 bytes of ML-KEM-768, then 32 of X25519."""
        lattice = self.lattice.public_key().public_bytes_raw()
        return lattice + self.curve.public_key().public_bytes_raw()

    def opener(self) -> MLKEM768X25519PrivateKey:
        """The key as HPKE opens with it."""
        return MLKEM768X25519PrivateKey(self.lattice, self.curve)


def public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    """The public half as HPKE seals to it.

    Raises:
        ValueError: these bytes are no such key.
    """
    lattice = MLKEM768PublicKey.from_public_bytes(raw[:_LATTICE])
    return MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(raw[_LATTICE:]))
