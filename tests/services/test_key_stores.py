"""Each key store keeps the contract, on the real thing where there is one; and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit import hpke
from remit.adapters.key_stores import open_key_store
from remit.adapters.key_stores.kms import KmsWrapping
from remit.adapters.key_stores.vault import VaultWrapping
from remit.adapters.keyring import FolderKeyStore
from remit.errors import UsageError
from remit.ports import KeyStore
from remit.testing.key_stores import OTHER, RUN, KeyStoreContract
from remit.testing.kms import KmsServer
from remit.testing.softhsm import SoftHsm
from remit.testing.vault import VaultSimulator

pytestmark = pytest.mark.slow


class TestKeyring(KeyStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> KeyStore:
        self.home = tmp_path
        return self.again(None)

    def again(self, store: KeyStore | None) -> KeyStore:
        return open_key_store(f"keyring:{self.home}/keyring", self.home, None, str)


def test_a_keyring_under_a_connections_password(tmp_path: Path) -> None:
    uri, passwords = f"keyring:{tmp_path}/keyring", {"keyring": "p" * 16}
    store = open_key_store(uri, tmp_path, "conn:keyring", passwords.__getitem__)
    sealed = hpke.seal(b"secret", store.create(RUN), b"")

    assert store.open(RUN, sealed, b"") == b"secret"
    assert not (tmp_path / "keys").exists()


class TestToken(KeyStoreContract):
    @pytest.fixture
    def store(self, softhsm: SoftHsm, tmp_path: Path) -> KeyStore:
        self.uri = softhsm.uri
        store = self.again(None)
        for name in (RUN, OTHER):
            store.destroy(name)
        return store

    def again(self, store: KeyStore | None) -> KeyStore:
        return open_key_store(self.uri, Path("/nowhere"), None, str)


@pytest.fixture(scope="module")
def kms() -> Iterator[KmsServer]:
    with KmsServer() as server:
        yield server


@pytest.fixture
def vault() -> Iterator[VaultSimulator]:
    with VaultSimulator() as server:
        yield server


@pytest.fixture
def in_kms(kms: KmsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderKeyStore:
    for name, value in kms.environment.items():
        monkeypatch.setenv(name, value)
    return open_key_store(kms.uri, tmp_path, None, str)


@pytest.fixture
def in_vault(vault: VaultSimulator, tmp_path: Path) -> FolderKeyStore:
    return open_key_store(vault.uri(tmp_path / "token"), tmp_path, None, str)


class TestKms(KeyStoreContract):
    @pytest.fixture
    def store(self, in_kms: FolderKeyStore, kms: KmsServer, tmp_path: Path) -> KeyStore:
        self.uri, self.home = kms.uri, tmp_path
        return in_kms

    def again(self, store: KeyStore) -> KeyStore:
        return open_key_store(self.uri, self.home, None, str)


class TestVault(KeyStoreContract):
    @pytest.fixture
    def store(self, in_vault: FolderKeyStore, vault: VaultSimulator, tmp_path: Path) -> KeyStore:
        self.uri, self.home = vault.uri(tmp_path / "token"), tmp_path
        return in_vault

    def again(self, store: KeyStore) -> KeyStore:
        return open_key_store(self.uri, self.home, None, str)


def test_the_token_itself_knows_no_destroyed_key_and_gives_out_no_other(softhsm: SoftHsm) -> None:
    from pkcs11 import Attribute, AttributeSensitive, NoSuchKey, ObjectClass

    store = open_key_store(softhsm.uri, Path("/nowhere"), None, str)
    store.create("asked")
    label, kind = "remit staging asked", ObjectClass.PRIVATE_KEY

    with softhsm.session() as session:
        key = session.get_key(kind, label=label)
        told = {name: key[Attribute[name]] for name in ("SENSITIVE", "EXTRACTABLE", "PRIVATE")}
        assert told == {"SENSITIVE": True, "EXTRACTABLE": False, "PRIVATE": True}
        assert key[Attribute.NEVER_EXTRACTABLE] is key[Attribute.ALWAYS_SENSITIVE] is True
        with pytest.raises(AttributeSensitive):
            key[Attribute.VALUE]
    store.destroy("asked")

    with softhsm.session() as session:
        with pytest.raises(NoSuchKey):
            session.get_key(kind, label=label)
        assert list(session.get_objects({Attribute.LABEL: label})) == []


@pytest.mark.parametrize("kept", ["PRIVATE_KEY", "PUBLIC_KEY"])
def test_half_a_pair_that_a_kill_left_is_replaced(softhsm: SoftHsm, kept: str) -> None:
    from pkcs11 import Attribute, ObjectClass

    store = open_key_store(softhsm.uri, Path("/nowhere"), None, str)
    store.destroy("halved")
    first = store.create("halved")
    with softhsm.session() as session:
        for found in session.get_objects({Attribute.LABEL: "remit staging halved"}):
            if found.object_class != ObjectClass[kept]:
                found.destroy()
    assert store.exists("halved")

    second = store.create("halved")

    assert second != first
    assert store.open("halved", hpke.seal(b"secret", second, b""), b"") == b"secret"


def test_a_forked_process_uses_the_token_anew(softhsm: SoftHsm) -> None:
    store = open_key_store(softhsm.uri, Path("/nowhere"), None, str)
    sealed = hpke.seal(b"secret", store.create("forked"), b"")

    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if store.open("forked", sealed, b"") == b"secret" else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert store.open("forked", sealed, b"") == b"secret"


def test_kms_is_asked_for_a_key_of_the_run_and_to_delete_it(
    in_kms: FolderKeyStore, kms: KmsServer, tmp_path: Path
) -> None:
    before = set(kms.keys())
    sealed = hpke.seal(b"secret", in_kms.create("asked"), b"")
    [made] = set(kms.keys()) - before
    kept = (tmp_path / "keyring" / "asked.key").read_bytes()
    assert kept.startswith(made.encode() + b"\n")
    in_kms.create("other")
    (tmp_path / "keyring" / "other.key").write_bytes(kept)
    with pytest.raises(Exception, match="its file does not decrypt"):  # bound to its run
        in_kms.open("other", sealed, b"")

    in_kms.destroy("asked")

    key = kms.keys()[made]
    assert (key.key_state, key.enabled) == ("PendingDeletion", False)
    assert not (tmp_path / "keyring" / "asked.key").exists()


def test_vault_is_asked_for_a_key_that_cannot_be_exported_and_to_delete_it(
    in_vault: FolderKeyStore, vault: VaultSimulator
) -> None:
    in_vault.create("asked")
    [name] = vault.keys
    assert name.startswith("remit-asked-")
    assert vault.keys[name].settings == {
        "type": "aes256-gcm96",
        "exportable": False,
        "allow_plaintext_backup": False,
        "deletion_allowed": False,
    }

    in_vault.destroy("asked")

    assert vault.keys == {}


@pytest.mark.parametrize("service", ["kms", "vault"])
def test_destruction_cut_short_is_done_to_its_end(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: str
) -> None:
    """The ciphertext goes first; the line that names the service's key stays until that is gone."""
    store, server = (request.getfixturevalue(name) for name in (f"in_{service}", service))
    sealed = hpke.seal(b"secret", store.create("cut"), b"")
    wrapping = KmsWrapping if service == "kms" else VaultWrapping
    with monkeypatch.context() as patch:
        patch.setattr(wrapping, "forget", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.destroy("cut")
    assert store.exists("cut")
    with pytest.raises(Exception, match="it was destroyed"):
        store.open("cut", sealed, b"")

    store.destroy("cut")

    assert not store.exists("cut")
    if service == "kms":
        cut = [key.key_state for key in server.keys().values() if "of cut" in key.description]
        assert cut == ["PendingDeletion"]
    else:
        assert server.keys == {}


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("service", ["kms", "vault"])
def test_creation_cut_short_leaves_no_key_at_the_service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    store, server = (request.getfixturevalue(name) for name in (f"in_{service}", service))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.create("begun")
    assert store.exists("begun")
    before = len(server.keys if service == "vault" else server.keys())

    store.create("begun")

    if service == "vault":
        assert len(server.keys) == before == 1
    else:
        states = [key.key_state for key in server.keys().values() if "begun" in key.description]
        assert sorted(states) == ["Enabled", "PendingDeletion"]


def test_a_store_of_another_package_is_found_by_its_scheme(tmp_path: Path) -> None:
    """By its entry point, in a process that has it installed."""
    package = tmp_path / "site" / "escrow-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: escrow\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[remit.key_stores]\nescrow = escrow:Store\n")
    (tmp_path / "site" / "escrow.py").write_text(
        "class Store:\n    def __init__(self, uri):\n        self.label = uri\n"
    )
    script = "from remit.wiring import *\nprint(open_keys(Settings.from_environment()).label)\n"
    paths = [str(tmp_path / "site"), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"REMIT_KEYS": "escrow:vault-7", "PYTHONPATH": ":".join(paths), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "escrow:vault-7\n"
    with pytest.raises(UsageError, match="no key stores for escrow:"):
        open_key_store("escrow:vault-7", tmp_path, None, str)
