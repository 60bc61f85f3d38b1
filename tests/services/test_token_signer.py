"""A signing key in a token signs as one in a file does, and stays there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remit import signing
from remit.cli import main
from remit.errors import Refused, UsageError
from remit.testing.softhsm import SoftHsm

pytestmark = pytest.mark.slow
TYPE = "application/vnd.remit.test"


@pytest.fixture
def key(softhsm: SoftHsm, request: pytest.FixtureRequest) -> str:
    softhsm.new_signing_key(request.node.name)
    return softhsm.key_uri(request.node.name)


def test_what_the_token_signs_verifies_with_its_public_half_alone(key: str) -> None:
    signer = signing.load_signer(key)
    public = signing.key_of(signer)

    envelope = signing.sign(b"payload", TYPE, signer)

    assert public.algorithm == "ed25519"
    assert signing.open_envelope(envelope, TYPE, [public], "here") == b"payload"
    assert signing.signers_of(envelope, TYPE, "here") == {public.key_id}
    changed = envelope.replace(b"cGF5bG9hZA==", b"cGF5bG9hZB==")
    with pytest.raises(Refused):
        signing.open_envelope(changed, TYPE, [public], "here")


def test_a_key_is_found_by_its_id_too(softhsm: SoftHsm, key: str) -> None:
    label = key.partition("object=")[2].partition("?")[0]
    percent = "".join(f"%{byte:02x}" for byte in label.encode())
    by_id = key.replace(f"object={label}", f"id={percent}")

    assert signing.key_of(signing.load_signer(by_id)) == signing.key_of(signing.load_signer(key))


def test_an_instruction_is_signed_by_the_command_line(world, key: str, capsys) -> None:
    text = world.instruct()
    text.with_name(text.name + ".dsse.json").unlink(missing_ok=True)
    for file in text.parent.glob("*.dsse*"):
        file.unlink()

    code = main(["instruction", "sign", str(text), "--key", key])

    assert code == 0
    [envelope] = text.parent.glob("*.dsse*")
    [signed_by] = signing.signers_of(
        envelope.read_bytes(), "application/vnd.remit.instruction+yaml", "there"
    )
    assert signed_by == signing.key_of(signing.load_signer(key)).key_id


def test_key_that_is_not_there_or_not_named(softhsm: SoftHsm) -> None:
    with pytest.raises(UsageError, match="there is no such Ed25519 key pair in token remit"):
        signing.load_signer(softhsm.key_uri("absent"))
    with pytest.raises(UsageError, match="needs object=LABEL"):
        signing.load_signer(softhsm.uri)


def test_a_staging_key_is_no_signing_key(softhsm: SoftHsm) -> None:
    from remit.adapters.key_stores import open_key_store

    keys = open_key_store(softhsm.uri, Path("/nowhere"), None, str)
    keys.create("no-signer")
    with pytest.raises(UsageError, match="there is no such Ed25519 key pair"):
        signing.load_signer(softhsm.key_uri("remit staging no-signer"))
    keys.destroy("no-signer")


def test_a_key_is_made_in_the_token_by_the_command_line(softhsm: SoftHsm, capsys) -> None:
    uri = softhsm.key_uri("made")

    assert main(["keys", "new", "signing", uri, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["public"] == str(signing.key_of(signing.load_signer(uri)))
    assert softhsm.pin not in str(told)

    assert main(["keys", "new", "signing", uri, "--json"]) == 2
    assert "not yet used there" in capsys.readouterr().out
    assert main(["keys", "new", "recipient", softhsm.key_uri("other"), "--json"]) == 2
    assert "only signing keys are made in a token" in capsys.readouterr().out
