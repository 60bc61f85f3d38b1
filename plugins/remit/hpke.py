"""The one HPKE suite (RFC 9180) with which file keys are sealed: X25519, HKDF-SHA256, AES-256-GCM."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(plaintext: bytes, public: bytes, info: bytes) -> bytes:
    """Seal to a raw public key (32 bytes), bound to `info`."""
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info)


def unseal(sealed: bytes, private: X25519PrivateKey, info: bytes) -> bytes:
    """Open what was sealed; cryptography.exceptions.InvalidTag on a wrong key or other `info`."""
    return _SUITE.decrypt(sealed, private, info)
