"""Staging keys in a PKCS#11 token: made in it, used in it, destroyed in it.

Guarantee: the private half never leaves the token. HPKE is the library's; the token does the X25519
exchange alone, and gives out the one secret that it agrees on with the sender of the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from remit import hpke
from remit.adapters.keyring import gone
from remit.errors import Refused, Unavailable
from remit.tokens import X25519, Token, TokenUri, attributes_missing, make_pair

_PREFIX = "remit staging "
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


class TokenKeyStore:
    """A token; see `remit.ports.KeyStore`. A run's pair has the label ``remit staging NAME``."""

    def __init__(self, uri: str) -> None:
        parsed = TokenUri.parse(uri)
        self._token = Token(parsed)
        self.label = f"pkcs11:token={parsed.token}"

    def claim(self) -> str:
        """See `remit.ports.KeyStore`; the token's serial number."""
        return f"pkcs11:{self._token.serial()}"

    def identity(self) -> str | None:
        """See `remit.ports.KeyStore`."""
        return self.claim()

    def create(self, name: str) -> bytes:
        """See `remit.ports.KeyStore`."""
        with self._token.session() as session:
            pair = _pair(session, name)
            if pair is None:
                _destroy(_objects(session, name))  # what a killed process left
                make_pair(session, X25519, _label(name), name.encode(), signs=False)
                pair = _pair(session, name)
            if pair is None:
                raise Unavailable(self.label, "it made a key pair, and does not have it.")
            return pair.public

    def open(self, name: str, sealed: bytes, info: bytes) -> bytes:
        """See `remit.ports.KeyStore`."""
        with self._token.session() as session:
            pair = _pair(session, name)
            if pair is None:
                raise gone(name)
            return hpke.unseal(sealed, _InToken(pair), info)

    def exists(self, name: str) -> bool:
        """See `remit.ports.KeyStore`."""
        with self._token.session() as session:
            return bool(_objects(session, name))

    def destroy(self, name: str) -> None:
        """See `remit.ports.KeyStore`."""
        from pkcs11 import ObjectClass

        with self._token.session() as session:
            _destroy(_objects(session, name, ObjectClass.PRIVATE_KEY))
            _destroy(_objects(session, name))

    def names(self) -> list[str]:
        """See `remit.ports.KeyStore`; other objects of the token are none of ours."""
        from pkcs11 import Attribute

        with self._token.session() as session:
            labels = [str(one[Attribute.LABEL]) for one in session.get_objects()]
        ours = {label.removeprefix(_PREFIX) for label in labels if label.startswith(_PREFIX)}
        return sorted(name for name in ours if _NAME.fullmatch(name))


class _Pair(NamedTuple):
    """A handle of the private half, and the public half's 32 bytes."""

    private: Any
    public: bytes


class _InToken(X25519PrivateKey):
    """A private key of which only the exchange and the public half can be had."""

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair

    def exchange(self, peer_public_key: X25519PublicKey) -> bytes:
        """The secret that the token agrees on with the peer, 32 bytes."""
        from pkcs11 import KDF, Attribute, KeyType, Mechanism

        derived = self._pair.private.derive_key(
            KeyType.GENERIC_SECRET,
            256,
            mechanism=Mechanism.ECDH1_DERIVE,
            mechanism_param=(KDF.NULL, None, peer_public_key.public_bytes_raw()),
            template={Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
            store=False,
        )
        return bytes(derived[Attribute.VALUE])

    def public_key(self) -> X25519PublicKey:
        """The public half, which HPKE binds a message to."""
        return X25519PublicKey.from_public_bytes(self._pair.public)

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        """There are none."""
        raise TypeError("the key is in a token")

    def private_bytes_raw(self) -> NoReturn:
        """There are none."""
        raise TypeError("the key is in a token")

    def __copy__(self) -> NoReturn:
        raise TypeError("the key is in a token")

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise TypeError("the key is in a token")


def _objects(session: Any, name: str, kind: Any = None) -> list[Any]:
    """The objects of that name; of one class, or both."""
    from pkcs11 import Attribute

    sought = {Attribute.LABEL: _label(name)}
    return list(session.get_objects(sought | ({Attribute.CLASS: kind} if kind else {})))


def _pair(session: Any, name: str) -> _Pair | None:
    """The pair of that name; None unless both halves are there, once.

    Raises:
        Refused: token-key-exposed.
    """
    from pkcs11 import Attribute, ObjectClass

    private = _objects(session, name, ObjectClass.PRIVATE_KEY)
    public = _objects(session, name, ObjectClass.PUBLIC_KEY)
    if len(private) != 1 or len(public) != 1:
        return None
    if missing := attributes_missing(private[0]):
        raise Refused(
            "token-key-exposed",
            f"staging key {name}",
            f"it is not as a key in a token must be: {', '.join(missing)}.",
            "find out who made or changed it there; run anew.",
        )
    return _Pair(private[0], bytes(public[0][Attribute.EC_POINT])[-32:])


def _label(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("key names are letters, digits and hyphens")
    return f"{_PREFIX}{name}"


def _destroy(objects: Sequence[Any]) -> None:
    for found in objects:
        found.destroy()
