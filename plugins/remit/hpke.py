"""The HPKE suites (RFC 9180) with which file keys are sealed: HKDF-SHA256, AES-256-GCM, and a KEM.

The KEM goes by the recipient's key: X25519, or its hybrid with ML-KEM-768.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from remit import hybrid
from remit.hybrid import HybridPrivateKey
from remit.signing import PublicKey

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_HYBRID = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal_to(recipient: PublicKey, plaintext: bytes, info: bytes) -> bytes:
    """Seal to a recipient's key of either algorithm, bound to `info`."""
    if recipient.algorithm == hybrid.ALGORITHM:
        return _HYBRID.encrypt(plaintext, hybrid.public_key(recipient.raw), info)
    return seal(plaintext, recipient.raw, info)


def seal(plaintext: bytes, public: bytes, info: bytes) -> bytes:
    """Seal to a raw X25519 key (32 bytes), bound to `info`."""
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info)


def unseal(sealed: bytes, private: X25519PrivateKey | HybridPrivateKey, info: bytes) -> bytes:
    """Open what was sealed; cryptography.exceptions.InvalidTag on a wrong key or other `info`."""
    if isinstance(private, HybridPrivateKey):
        return _HYBRID.decrypt(sealed, private.opener(), info)
    return _SUITE.decrypt(sealed, private, info)
