"""What is refused of keys, and of the stores that they are in."""

from __future__ import annotations

import shutil

import pytest
from cryptography.exceptions import InvalidTag

from remit import hpke, signing
from remit.adapters.key_stores import open_key_store
from remit.adapters.key_stores.token import TokenKeyStore
from remit.testing.vault import VaultSimulator

RUN = "run-1"


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

    at, saying = "processor.pem", "others than its owner can use the secret"
    cli.refused("run", world.instruct(), *options, at=at, saying=saying)
    left_nothing(world)


@pytest.mark.vector("key-file-open")
def test_secret_of_the_keyring_that_others_can_use(tmp_path, make_keyring, refuses) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o640)

    with refuses(at=str(secret), saying="its mode is 0640"):
        make_keyring(f"file:{secret}").create(RUN)
    assert list((tmp_path / "keyring").glob("[!.]*")) == []


@pytest.mark.vector("key-file-open")
def test_pin_and_token_of_a_vault_that_others_can_use(tmp_path, softhsm, refuses) -> None:
    opened = tmp_path / "opened"
    opened.write_text(softhsm.pin)
    opened.chmod(0o644)
    uri = softhsm.uri.replace(str(softhsm.pin_file), str(opened))
    with refuses(at=str(opened), saying="its mode is 0644"):
        TokenKeyStore(uri).create(RUN)

    with VaultSimulator() as vault:
        uri = vault.uri(opened)
        opened.chmod(0o644)
        with refuses(at=str(opened), saying="its mode is 0644"):
            open_key_store(uri, tmp_path, None, str).create(RUN)
        assert vault.requests == []


@pytest.mark.vector("keyring-secret-unusable")
def test_secret_of_the_keyring_that_is_missing_or_short(tmp_path, make_keyring, refuses) -> None:
    short = tmp_path / "short"
    short.write_text("fifteen letters\n")
    short.chmod(0o600)
    empty_password = "conn:remit_keyring"

    for secret in (tmp_path / "absent", short):
        with refuses(at=str(secret), saying="is shorter than 16 bytes"):
            make_keyring(f"file:{secret}").create(RUN)
    with refuses(at="connection remit_keyring", saying="is shorter than 16 bytes"):
        make_keyring(empty_password, lambda _: "").create(RUN)
    assert list((tmp_path / "keyring").glob("[!.]*")) == []


@pytest.mark.vector("keyring-secret-unusable")
def test_secret_of_its_own_that_was_lost_is_not_made_anew_to_read_with(
    tmp_path, make_keyring, refuses
) -> None:
    keys = make_keyring()
    sealed = hpke.seal(b"secret", keys.create(RUN), b"")
    secret = tmp_path / "keys" / "keyring.secret"
    secret.unlink()

    with refuses(at=str(secret), saying="it is not there"):
        make_keyring().open(RUN, sealed, b"")
    assert not secret.exists()


@pytest.mark.vector("staging-key-gone")
def test_staging_key_after_its_destruction(tmp_path, make_keyring, refuses) -> None:
    keys = make_keyring()
    sealed = hpke.seal(b"secret", keys.create(RUN), b"")
    assert keys.open(RUN, sealed, b"") == b"secret"
    keys.destroy(RUN)

    with refuses(at="staging key run-1", saying="can no longer be read by the processor"):
        keys.open(RUN, sealed, b"")
    assert list((tmp_path / "keyring").iterdir()) == []


@pytest.mark.vector("staging-key-gone")
def test_staging_key_whose_key_at_the_vault_was_deleted(tmp_path, refuses) -> None:
    with VaultSimulator() as vault:
        keys = open_key_store(vault.uri(tmp_path / "token"), tmp_path, None, str)
        sealed = hpke.seal(b"secret", keys.create(RUN), b"")
        vault.keys.clear()

        with refuses(at="staging key run-1", saying="can no longer be read by the processor"):
            keys.open(RUN, sealed, b"")


@pytest.mark.vector("staging-key-unreadable")
@pytest.mark.parametrize(
    "content", [b"", b"short", b"scrypt:00\nshort", b"no line\xff\n" + b"x" * 60]
)
def test_staging_key_of_another_form(tmp_path, make_keyring, refuses, content) -> None:
    keys = make_keyring()
    sealed = hpke.seal(b"secret", keys.create(RUN), b"")
    (tmp_path / "keyring" / "run-1.key").write_bytes(content)

    with refuses(at="staging key run-1", saying="its file does not decrypt"):
        keys.open(RUN, sealed, b"")
    assert keys.exists(RUN)


@pytest.mark.vector("staging-key-unreadable")
def test_staging_key_changed_renamed_or_under_another_secret(
    tmp_path, make_keyring, refuses
) -> None:
    keys = make_keyring()
    sealed = hpke.seal(b"secret", keys.create(RUN), b"")
    file = tmp_path / "keyring" / "run-1.key"
    whole = file.read_bytes()

    for place in (10, len(whole) - 1, len(whole) - 40):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with refuses(at="staging key run-1", saying="its file does not decrypt"):
            keys.open(RUN, sealed, b"")
    file.write_bytes(whole)
    shutil.copy(file, tmp_path / "keyring" / "run-2.key")
    with refuses(at="staging key run-2", saying="it was changed or renamed"):
        keys.open("run-2", sealed, b"")
    with refuses(at="staging key run-1", saying="the keyring's secret is another one"):
        make_keyring("conn:other", lambda _: "correct horse battery staple").create(RUN)


@pytest.mark.vector("staging-key-unreadable")
def test_run_whose_keyring_has_another_secret_ends(
    world, up_to, left_nothing, refuses, judge
) -> None:
    run = up_to(world, "extract")
    (world.root / "processor" / "keys" / "keyring.secret").write_text("0" * 64)

    with refuses(at="staging key durand-test", saying="the keyring's secret is another one"):
        world.open_run().validate(judge)
    left_nothing(world)
    assert run.story.has("stopped")


def test_a_key_that_was_overwritten_but_not_removed_is_never_used(tmp_path, make_keyring) -> None:
    keys = make_keyring()
    first = keys.create(RUN)
    file = tmp_path / "keyring" / "run-1.key"
    line = file.read_bytes().partition(b"\n")[0]
    file.write_bytes(line + b"\n" + bytes(60))  # as a kill leaves it

    second = keys.create(RUN)

    assert second != first
    with pytest.raises(InvalidTag):
        keys.open(RUN, hpke.seal(b"secret", first, b""), b"")
    assert keys.open(RUN, hpke.seal(b"secret", second, b""), b"") == b"secret"


def test_destroyed_staging_key_is_overwritten_before_it_is_removed(tmp_path, make_keyring) -> None:
    keys = make_keyring()
    keys.create(RUN)
    still = tmp_path / "still"
    still.hardlink_to(tmp_path / "keyring" / "run-1.key")
    line, _, secret = still.read_bytes().partition(b"\n")
    assert any(secret)

    keys.destroy(RUN)

    assert still.read_bytes() == line + b"\n" + bytes(len(secret))


@pytest.mark.vector("key-store-insecure")
@pytest.mark.parametrize(
    "uri",
    [
        "vault:http://vault.example/transit?token=file:/token",
        "awskms:eu-west-3?endpoint=http%3A%2F%2Fkms.example",
    ],
)
def test_key_store_reached_in_clear(tmp_path, refuses, uri) -> None:
    with refuses(at=f"http://{uri.split(':')[0].removeprefix('aws')}.example", saying="in clear"):
        open_key_store(uri, tmp_path, None, str)


@pytest.mark.vector("token-key-exposed")
@pytest.mark.parametrize(
    ("attribute", "value", "lack"),
    [("EXTRACTABLE", True, "not EXTRACTABLE"), ("SENSITIVE", False, "SENSITIVE")],
)
def test_signing_key_that_could_leave_its_token(softhsm, refuses, attribute, value, lack) -> None:
    label = f"exposed-{attribute}"
    softhsm.new_signing_key(label, **{attribute: value})

    with refuses(at="signing key in token remit", saying=lack):
        signing.load_signer(softhsm.key_uri(label))


@pytest.mark.vector("token-key-exposed")
def test_staging_key_that_could_leave_its_token(softhsm, refuses) -> None:
    from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag

    with softhsm.session() as session:
        curve = session.create_domain_parameters(
            KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: bytes.fromhex("06032b656e")}, local=True
        )
        curve.generate_keypair(
            mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
            capabilities=MechanismFlag.DERIVE,
            label="remit staging planted",
            store=True,
            private_template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False},
        )
    keys = TokenKeyStore(softhsm.uri)

    with refuses(at="staging key planted", saying="SENSITIVE"):
        keys.create("planted")
    with refuses(at="staging key planted", saying="not EXTRACTABLE"):
        keys.open("planted", bytes(48), b"")
    keys.destroy("planted")
    assert not keys.exists("planted")
