"""From a URI to a key store; what a store needs is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import parse_qs, unquote

from remit.adapters.key_stores.secret import KeyringSecret, SecretWrapping
from remit.adapters.keyring import FolderKeyStore
from remit.errors import UsageError
from remit.ports import KeyStore

GROUP = "remit.key_stores"
"""The entry points of other packages: the scheme, and a function that takes the URI."""

Password = Callable[[str], str]
"""Gives the password of the Airflow connection of that id."""


def open_key_store(uri: str, home: Path, secret: str | None, password: Password) -> KeyStore:
    """The key store at a URI.

    Args:
        home: the folder below which the keyring and its secret are, where the URI names no other.
        secret: of the keyring: ``file:PATH``, ``conn:ID``, or None for a file of its own.
        password: looks up Airflow connections.

    Raises:
        UsageError: a scheme that nothing serves, or a URI of another form.
        Refused: key-store-insecure.
    """
    scheme, _, rest = uri.partition(":")
    own: dict[str, Callable[[], KeyStore]] = {
        "keyring": lambda: _keyring(rest, home, secret, password),
        "pkcs11": lambda: _token(uri),
        "awskms": lambda: _kms(rest, home),
        "vault": lambda: _vault(rest, home, password),
    }
    return own[scheme]() if scheme in own else _of_another_package(scheme, uri)


def _keyring(path: str, home: Path, secret: str | None, password: Password) -> KeyStore:
    folder = _absolute(path, "keyring:PATH names an absolute path.")
    default = home / "keys" / "keyring.secret"
    return FolderKeyStore(folder, SecretWrapping(KeyringSecret(secret, default, password)))


def _token(uri: str) -> KeyStore:
    from remit.adapters.key_stores.token import TokenKeyStore

    return TokenKeyStore(uri)


def _kms(rest: str, home: Path) -> KeyStore:
    from remit.adapters.key_stores.kms import KmsWrapping

    region, options = _options(rest, {"endpoint", "folder"})
    wrapping = KmsWrapping(region, options.get("endpoint"))
    return FolderKeyStore(_blobs(options, home), wrapping)


def _vault(rest: str, home: Path, password: Password) -> KeyStore:
    from remit.adapters.key_stores.vault import VaultWrapping

    url, options = _options(rest, {"token", "ca", "folder"})
    wrapping = VaultWrapping(url, options.get("token", ""), options.get("ca"), password)
    return FolderKeyStore(_blobs(options, home), wrapping)


def _of_another_package(scheme: str, uri: str) -> KeyStore:
    found = list(entry_points(group=GROUP, name=scheme))
    if len(found) != 1:
        raise UsageError(
            f"REMIT_KEYS: {len(found) or 'no'} key stores for {scheme}: ; known are keyring:PATH, "
            "pkcs11:..., awskms:REGION, vault:https://HOST/MOUNT, and those of one installed package each."
        )
    store: KeyStore = found[0].load()(uri)
    return store


def _blobs(options: dict[str, str], home: Path) -> Path:
    return _absolute(options.get("folder") or str(home / "keyring"), "folder is an absolute path.")


def _absolute(path: str, form: str) -> Path:
    if not path.startswith("/"):
        raise UsageError(f"REMIT_KEYS: {form}")
    return Path(unquote(path))


def _options(rest: str, known: set[str]) -> tuple[str, dict[str, str]]:
    """What comes before the ``?``, and the options after it, each at most once."""
    place, _, query = rest.partition("?")
    try:
        given = parse_qs(query, strict_parsing=True) if query else {}
    except ValueError:
        given = {"": []}
    options = {name: values[0] for name, values in given.items() if len(values) == 1}
    if not known >= set(given) == set(options):
        raise UsageError(f"REMIT_KEYS: the options there are {', '.join(sorted(known))}.")
    return place, options
