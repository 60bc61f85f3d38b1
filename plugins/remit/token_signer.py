"""An Ed25519 signing key in a PKCS#11 token, as a `Signer` of securesystemslib's."""

from __future__ import annotations

from typing import Any, NoReturn

from securesystemslib.signer import Signature, Signer, SSlibKey

from remit.errors import Refused, UsageError
from remit.tokens import ED25519, Token, TokenUri, attributes_missing, make_pair

_ED25519_NAMED = b"\x13\x0cedwards25519"


class TokenKey:
    """The pair in the token: its public half, and signatures by the private one.

    Raises (every method):
        UsageError: a setting is wrong, or there is no such Ed25519 pair in the token.
        Unavailable: the token does not answer.
        Refused: token-key-exposed, when the private half could leave the token.
    """

    def __init__(self, uri: str) -> None:
        self._uri = TokenUri.parse(uri)
        if self._uri.object is None and self._uri.id is None:
            raise UsageError("the URI of a signing key in a token needs object=LABEL or id=%HH...")
        self._token = Token(self._uri)

    def public(self) -> bytes:
        """The public half, 32 bytes."""
        from pkcs11 import Attribute, ObjectClass

        with self._token.session() as session:
            self._private(session)
            key = self._found(session, ObjectClass.PUBLIC_KEY)
            point = bytes(key[Attribute.EC_POINT])
            if key[Attribute.EC_PARAMS] not in (ED25519, _ED25519_NAMED) or len(point) != 34:
                raise self._none()
            return point[2:]  # a DER octet string

    def sign(self, payload: bytes) -> bytes:
        """The signature, 64 bytes."""
        from pkcs11 import Mechanism

        with self._token.session() as session:
            return bytes(self._private(session).sign(payload, mechanism=Mechanism.EDDSA))

    def make(self) -> None:
        """Make the pair in the token.

        Raises:
            UsageError: there is something of that name already.
        """
        from pkcs11 import Attribute

        label = self._uri.object
        with self._token.session() as session:
            if label is None or any(session.get_objects({Attribute.LABEL: label})):
                raise UsageError(
                    f"a new key in {self._uri} needs object=LABEL, not yet used there."
                )
            make_pair(session, ED25519, label, self._uri.id or label.encode(), signs=True)

    def _private(self, session: Any) -> Any:
        from pkcs11 import ObjectClass

        key = self._found(session, ObjectClass.PRIVATE_KEY)
        if missing := attributes_missing(key):
            raise Refused(
                "token-key-exposed",
                f"signing key in {self._uri}",
                f"it is not as a key in a token must be: {', '.join(missing)}.",
                "make another one in the token (remit keys new signing URI), and have that instructed.",
            )
        return key

    def _found(self, session: Any, kind: Any) -> Any:
        from pkcs11 import KeyType, NoSuchKey

        try:
            return session.get_key(
                kind, KeyType.EC_EDWARDS, label=self._uri.object, id=self._uri.id
            )
        except NoSuchKey:
            raise self._none() from None

    def _none(self) -> UsageError:
        return UsageError(f"there is no such Ed25519 key pair in {self._uri}.")


class TokenSigner(Signer):
    """Signs in the token."""

    def __init__(self, key: TokenKey, public: SSlibKey) -> None:
        self._key, self._public = key, public

    @property
    def public_key(self) -> SSlibKey:
        """The public half, as it was read when the signer was loaded."""
        return self._public

    @classmethod
    def from_priv_key_uri(cls, *_: Any, **__: Any) -> NoReturn:
        """Not this way: `remit.signing.load_signer` makes it."""
        raise UsageError("token signers are loaded by remit.signing.load_signer.")

    def sign(self, payload: bytes) -> Signature:
        """A signature over the payload."""
        return Signature(self._public.keyid, self._key.sign(payload).hex())
