"""Key stores by URI: ``keyring:``, ``pkcs11:``, ``awskms:``, ``vault:``, and those of other packages."""

from remit.adapters.key_stores.opening import GROUP, open_key_store

__all__ = ["GROUP", "open_key_store"]
