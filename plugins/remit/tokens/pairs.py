"""Key pairs in a token, and what a private key there must be."""

from __future__ import annotations

from typing import Any

ED25519 = bytes.fromhex("06032b6570")  # object identifiers of the curves, DER
X25519 = bytes.fromhex("06032b656e")


def make_pair(session: Any, curve: bytes, label: str, key_id: bytes, *, signs: bool) -> None:
    """Make a pair whose private half can never leave the token.

    Args:
        signs: whether it is for signatures; else for X25519 exchanges.
    """
    from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

    parameters = session.create_domain_parameters(
        KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: curve}, local=True
    )
    flags = MechanismFlag.SIGN | MechanismFlag.VERIFY if signs else MechanismFlag.DERIVE
    parameters.generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        capabilities=flags,
        label=label,
        id=key_id,
        store=True,
        private_template=_wanted(),
    )


def attributes_missing(key: Any) -> list[str]:
    """What a private key lacks of: kept in the token, private, sensitive, not extractable."""
    return [
        attribute.name if wanted else f"not {attribute.name}"
        for attribute, wanted in _wanted().items()
        if key[attribute] is not wanted
    ]


def _wanted() -> dict[Any, bool]:
    from pkcs11 import Attribute

    return {
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
    }
