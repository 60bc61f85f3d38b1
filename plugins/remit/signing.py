"""Signatures: Ed25519 in DSSE envelopes, verified with pinned public keys.

Guarantee: `open_envelope` returns a payload only when every signature on it was made by one of the
keys given, at least `threshold` of them, over exactly these bytes and this payload type. The
envelope has one byte form, so a change of any byte of it is refused.
Not guaranteed: that the payload is new; a caller who must not accept it twice has to check that.
The caller must choose the keys from a place that the envelope's author cannot write.

Signing goes through securesystemslib's `Signer`, so a key may live in a file or a token.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey

from remit import canonical, hybrid
from remit.errors import Refused, UsageError
from remit.hybrid import HybridPrivateKey
from remit.private_files import read_private

KeyKind = Literal["signing", "recipient"]
RecipientPrivateKey = X25519PrivateKey | HybridPrivateKey
RECIPIENT_ALGORITHMS = ("x25519", hybrid.ALGORITHM)
_BYTES = {"ed25519": 32, "x25519": 32, hybrid.ALGORITHM: 1216}
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*):")
_LARGEST = 1 << 16
_PUBLIC = re.compile(r"([a-z0-9]+):([A-Za-z0-9+/]+={1,2})")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as instructions and ``.pub`` files write it: ``ed25519:`` and its base64."""

    algorithm: str
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the one-line form.

        Raises:
            ValueError: not such a line.
        """
        match = _PUBLIC.fullmatch(text.strip())
        if match is None or match[1] not in _BYTES:
            forms = " or ".join(f"{algorithm}:BASE64" for algorithm in _BYTES)
            raise ValueError(f"a public key is written {forms}")
        raw = base64.b64decode(match[2], validate=True)
        if base64.b64encode(raw).decode() != match[2]:
            raise ValueError("the base64 of a public key has only one spelling")
        if len(raw) != _BYTES[match[1]]:
            raise ValueError(f"a key of {match[1]} has {_BYTES[match[1]]} bytes")
        return cls(match[1], raw)

    def __str__(self) -> str:
        return f"{self.algorithm}:{base64.b64encode(self.raw).decode()}"

    @property
    def key_id(self) -> str:
        """SHA-256 over the one-line form, in hex: how signatures and wrapped keys name it."""
        return canonical.sha256(str(self).encode()).removeprefix("sha256:")

    def is_weak(self) -> bool:
        """Whether a recipient's key is none to seal to: no key, or a point of low order in X25519.

        With such a point every secret is the same.
        """
        try:
            if self.algorithm == hybrid.ALGORITHM:
                hybrid.public_key(self.raw)
            point = X25519PublicKey.from_public_bytes(self.raw[-32:])
            X25519PrivateKey.generate().exchange(point)
        except ValueError:
            return True
        return False

    def pem(self) -> bytes | None:
        """SubjectPublicKeyInfo in PEM, as openssl reads it; None of a hybrid, which has no such form."""
        if self.algorithm == hybrid.ALGORITHM:
            return None
        kind: Any = Ed25519PublicKey if self.algorithm == "ed25519" else X25519PublicKey
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = kind.from_public_bytes(self.raw).public_bytes(serialization.Encoding.PEM, form)
        return pem

    def verifier(self) -> SSlibKey:
        """The key as securesystemslib verifies with it."""
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(self.raw), self.key_id)


def new_key(kind: KeyKind, path: Path, *, post_quantum: bool = False) -> PublicKey:
    """Make a key pair: `path` (PKCS#8 PEM, mode 0600) and `path` + ``.pub`` (one line).

    Args:
        post_quantum: of a recipient, the hybrid of X25519 with ML-KEM-768.

    Raises:
        UsageError: one of the files exists already, or cannot be written.
    """
    private: Ed25519PrivateKey | RecipientPrivateKey = Ed25519PrivateKey.generate()
    if kind == "recipient":
        private = HybridPrivateKey.generate() if post_quantum else X25519PrivateKey.generate()
    public = _public_of(private)
    try:
        _write_new(path, _pem(private), 0o600)
        try:
            _write_new(path.with_name(path.name + ".pub"), f"{public}\n".encode(), 0o644)
        except OSError:
            path.unlink()  # half a pair is of use to nobody
            raise
    except OSError as error:
        raise UsageError(f"cannot write a new key at {path}: {error.strerror}.") from None
    return public


def load_signer(uri: str) -> Signer:
    """The signer at a key URI: ``file:PATH``, a plain path, or ``pkcs11:...`` for one in a token.

    Raises:
        UsageError: another scheme, no such file or token, or not an Ed25519 private key.
        Refused: key-file-open, when others can use the file, or it is another account's; token-key-exposed.
        Unavailable: the token does not answer.
    """
    scheme, rest = _split(uri)
    if scheme == "pkcs11":
        return _token_signer(f"pkcs11:{rest}")
    private = _load_private(uri)
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{rest} is not an Ed25519 signing key (remit keys new signing OUT).")
    public = _public_of(private)
    return CryptoSigner(private, public.verifier())


def _token_signer(uri: str) -> Signer:
    from remit.token_signer import TokenKey, TokenSigner

    key = TokenKey(uri)
    return TokenSigner(key, PublicKey("ed25519", key.public()).verifier())


def load_recipient(uri: str) -> RecipientPrivateKey:
    """The recipient's private key at ``file:PATH`` or a plain path; raises as `load_signer`."""
    private = _load_private(uri)
    if not isinstance(private, X25519PrivateKey | HybridPrivateKey):
        raise UsageError(f"{_split(uri)[1]} is not a recipient key (remit keys new recipient OUT).")
    return private


def public_of(private: RecipientPrivateKey) -> PublicKey:
    """The public half of a recipient's key."""
    return _public_of(private)


def load_public(path: Path) -> PublicKey:
    """Read a ``.pub`` file, or one public key in PEM.

    Raises:
        UsageError: it cannot be read or does not hold a public key.
    """
    try:
        text = path.read_text("ascii")
        return _of_pem(text) if text.startswith("-----") else PublicKey.parse(text)
    except (OSError, ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path} does not hold a public key (a line such as ed25519:...)."
        ) from None


def _of_pem(text: str) -> PublicKey:
    key = serialization.load_pem_public_key(text.encode())
    if text.count("-----BEGIN ") != 1 or not isinstance(key, Ed25519PublicKey | X25519PublicKey):
        raise ValueError("not one key of a kind that is used here")
    algorithm = "ed25519" if isinstance(key, Ed25519PublicKey) else "x25519"
    return PublicKey(algorithm, key.public_bytes_raw())


def sign(payload: bytes, payload_type: str, signer: Signer, onto: bytes | None = None) -> bytes:
    """A DSSE envelope over the payload, in canonical form.

    Args:
        onto: an envelope over the same payload to which this signature is added.
    """
    envelope = Envelope(payload, payload_type, {})
    if onto is not None:
        envelope = _parse(onto, payload_type, "the existing envelope")
        if envelope.payload != payload:
            raise UsageError("the existing envelope signs other bytes; remove it to sign anew.")
    envelope.sign(signer)
    return canonical.dumps(envelope.to_dict())


def open_envelope(
    data: bytes, payload_type: str, keys: Sequence[PublicKey], where: str, threshold: int = 1
) -> bytes:
    """The payload of an envelope, after its signatures verified.

    Raises:
        Refused: envelope-malformed, signature-missing, signer-not-trusted or signature-invalid.
    """
    envelope = _parse(data, payload_type, where)
    trusted = {key.key_id: key.verifier() for key in keys}
    strangers = [key_id for key_id in envelope.signatures if key_id not in trusted]
    if strangers:
        raise Refused(
            "signer-not-trusted",
            where,
            f"signed with the key {strangers[0][:16]}…, which is not among the trusted keys.",
            "have it signed by the right party, or add that party's public key to the trusted keys.",
        )
    for key_id, signature in envelope.signatures.items():
        try:
            trusted[key_id].verify_signature(signature, envelope.pae())
        except UnverifiedSignatureError:
            raise Refused(
                "signature-invalid",
                where,
                "the signature does not match the content: one of the two was changed.",
                "get the original from its author; do not sign what you did not write.",
            ) from None
    if len(envelope.signatures) < max(threshold, 1):
        raise Refused(
            "signature-missing",
            where,
            f"{len(envelope.signatures)} of {max(threshold, 1)} signatures are there.",
            "have it signed: remit instruction sign FILE --key KEY.",
        )
    return envelope.payload


def unverified_payload(data: bytes, payload_type: str, where: str) -> bytes:
    """The payload before any check, only good for finding out whose keys to verify it with."""
    return _parse(data, payload_type, where).payload


def signers_of(data: bytes, payload_type: str, where: str) -> set[str]:
    """The ids of the keys that signed; say nothing until `open_envelope` has verified them."""
    return set(_parse(data, payload_type, where).signatures)


def key_of(signer: Signer) -> PublicKey:
    """The public half of an Ed25519 signer."""
    return PublicKey("ed25519", bytes.fromhex(signer.public_key.keyval["public"]))


def _parse(data: bytes, payload_type: str, where: str) -> Envelope:
    try:
        fields = canonical.loads(data)
        if set(fields) != {"payload", "payloadType", "signatures"}:
            raise ValueError("fields")
        for signature in fields["signatures"]:
            if set(signature) != {"keyid", "sig"} or {*map(type, signature.values())} != {str}:
                raise ValueError("fields of a signature")
        envelope = Envelope.from_dict(fields)
        # Base64 has spare bits: only the one spelling that we would write is accepted.
        if canonical.dumps(envelope.to_dict()) != data:
            raise ValueError("spelling")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _malformed(where, "it is not a DSSE envelope in canonical form") from None
    if envelope.payload_type != payload_type:
        raise _malformed(where, f"it does not hold {payload_type}")
    return envelope


def _malformed(where: str, what: str) -> Refused:
    return Refused(
        "envelope-malformed",
        where,
        f"{what}: it was changed, cut short, or is another kind of file.",
        "get the file again from where it was made.",
    )


def _pem(private: Ed25519PrivateKey | RecipientPrivateKey) -> bytes:
    if isinstance(private, HybridPrivateKey):
        return private.pem()
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_of(private: Ed25519PrivateKey | RecipientPrivateKey) -> PublicKey:
    if isinstance(private, HybridPrivateKey):
        return PublicKey(hybrid.ALGORITHM, private.public_raw())
    algorithm = "ed25519" if isinstance(private, Ed25519PrivateKey) else "x25519"
    public: Ed25519PublicKey | X25519PublicKey = private.public_key()
    return PublicKey(algorithm, public.public_bytes_raw())


def _split(uri: str) -> tuple[str, str]:
    """A key URI's scheme, in small letters, and what follows, which may be a PIN; a path is a file."""
    match = _SCHEME.match(uri)
    return (match[1].lower(), uri[match.end() :]) if match else ("file", uri)


def _load_private(uri: str) -> object:
    scheme, rest = _split(uri)
    if scheme != "file":
        raise UsageError(
            f"no key store for {scheme}: ; known are file:PATH and, for signing, pkcs11:..."
        )
    path = Path(rest)
    try:
        pem = read_private(path, _LARGEST)
        if pem.count(b"-----BEGIN ") > 1:
            return HybridPrivateKey.from_pem(pem)
        return serialization.load_pem_private_key(pem, password=None)
    except OSError as error:
        raise UsageError(f"cannot read the private key {path}: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise UsageError(f"{path} is not an unencrypted PKCS#8 PEM private key.") from None


def _write_new(path: Path, data: bytes, mode: int) -> None:
    # O_EXCL: a key that exists is never overwritten, not even by a mistyped path.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
