"""What is refused of keys."""

from __future__ import annotations

import pytest

from remit import hpke, signing
from remit.adapters.keyring import FolderKeyStore


@pytest.mark.vector("key-file-open")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_private_key_that_others_can_use(tmp_path, refuses, mode) -> None:
    path = tmp_path / "key.pem"
    signing.new_key("signing", path)
    path.chmod(mode)

    with refuses(at=str(path), saying=f"its mode is {mode:04o}"):
        signing.load_signer(str(path))
    with refuses(at=str(path), saying=f"its mode is {mode:04o}"):
        signing.load_signer(f"file:{path}")


@pytest.mark.vector("key-file-open")
def test_processors_key_that_others_can_use_exits_3(world, cli, left_nothing) -> None:
    (world.root / "processor" / "keys" / "processor.pem").chmod(0o644)
    options = ("--source", world.source_url, "--landing", world.landing_path)

    at, saying = "processor.pem", "others than its owner can use the private key"
    cli.refused("run", world.instruct(), *options, at=at, saying=saying)
    left_nothing(world)


@pytest.mark.vector("staging-key-gone")
def test_staging_key_after_its_destruction(tmp_path, refuses) -> None:
    keys = FolderKeyStore(tmp_path / "keyring")
    sealed = hpke.seal(b"secret", keys.create("run-1"), b"")
    assert keys.open("run-1", sealed, b"") == b"secret"
    keys.destroy("run-1")

    with refuses(at="staging key run-1", saying="can no longer be read by the processor"):
        keys.open("run-1", sealed, b"")
    assert list((tmp_path / "keyring").iterdir()) == []


@pytest.mark.vector("staging-key-gone")
def test_staging_key_cut_short(tmp_path, refuses) -> None:
    keys = FolderKeyStore(tmp_path)
    sealed = hpke.seal(b"secret", keys.create("run-1"), b"")
    (tmp_path / "run-1.key").write_bytes(b"short")

    with refuses(at="staging key run-1", saying="can no longer be read by the processor"):
        keys.open("run-1", sealed, b"")


def test_destroyed_staging_key_is_overwritten_before_it_is_removed(tmp_path) -> None:
    keys = FolderKeyStore(tmp_path / "keyring")
    keys.create("run-1")
    still = tmp_path / "still"
    still.hardlink_to(tmp_path / "keyring" / "run-1.key")
    assert still.read_bytes() != bytes(32)

    keys.destroy("run-1")

    assert still.read_bytes() == bytes(32)
