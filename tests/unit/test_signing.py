"""Keys and their files, and what an envelope guarantees."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit import canonical, signing
from remit.errors import Refused, UsageError
from remit.signing import PublicKey

KIND = "text/plain"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        signing.new_key("signing", tmp_path / name)
    return tmp_path


def signer(folder: Path, name: str = "a"):
    return signing.load_signer(str(folder / name))


def public(folder: Path, name: str = "a") -> PublicKey:
    return signing.load_public(folder / f"{name}.pub")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("kind", ["signing", "recipient"])
def test_private_half_is_for_its_owner_alone(tmp_path, kind) -> None:
    made = signing.new_key(kind, tmp_path / "key")

    assert mode(tmp_path / "key") == 0o600
    assert mode(tmp_path / "key.pub") == 0o644
    assert signing.load_public(tmp_path / "key.pub") == made
    assert "PRIVATE" not in (tmp_path / "key.pub").read_text()


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_no_key_is_ever_overwritten(tmp_path, there) -> None:
    (tmp_path / there).write_text("precious")

    with pytest.raises(UsageError, match="File exists"):
        signing.new_key("signing", tmp_path / "key")
    assert (tmp_path / there).read_text() == "precious"


def test_half_a_key_pair_is_not_left_behind(tmp_path) -> None:
    (tmp_path / "key.pub").write_text("precious")

    with pytest.raises(UsageError):
        signing.new_key("signing", tmp_path / "key")
    assert not (tmp_path / "key").exists()


def test_key_in_a_folder_that_is_not_there(tmp_path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        signing.new_key("signing", tmp_path / "no" / "key")


@pytest.mark.parametrize("bits", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_key_that_others_can_touch_is_not_used(folder, bits) -> None:
    (folder / "a").chmod(0o600 | bits)

    with pytest.raises(Refused, match="key-file-open"):
        signer(folder)


def test_keys_of_the_two_kinds_are_not_mistaken(tmp_path) -> None:
    signing.new_key("signing", tmp_path / "s")
    signing.new_key("recipient", tmp_path / "r")

    with pytest.raises(UsageError, match="not an Ed25519"):
        signing.load_signer(str(tmp_path / "r"))
    with pytest.raises(UsageError, match="not a recipient key"):
        signing.load_recipient(str(tmp_path / "s"))
    assert str(signing.load_public(tmp_path / "s.pub")).startswith("ed25519:")
    assert str(signing.load_public(tmp_path / "r.pub")).startswith("x25519:")


def _pem(key, encryption) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        _pem(Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"x")),
        _pem(rsa.generate_private_key(65537, 2048), serialization.NoEncryption()),
    ],
    ids=["empty", "noise", "hollow", "encrypted", "RSA"],
)
def test_file_that_is_no_signing_key(tmp_path, data) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(0o600)

    with pytest.raises(UsageError):
        signing.load_signer(str(path))


@pytest.mark.parametrize("uri", ["awskms:alias", "pkcs11:token", "http://key", "file:/none"])
def test_key_uri_that_leads_nowhere(uri) -> None:
    with pytest.raises(UsageError):
        signing.load_signer(uri)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519:",
        "rsa:" + "A" * 43 + "=",
        "ed25519:" + "A" * 42 + "B=",
        "ed25519:" + "A" * 44,
        "ED25519:" + "A" * 43 + "=",
        "ed25519:" + "A" * 43 + "=\ned25519:" + "B" * 43 + "=",
        "ed25519: " + "A" * 43 + "=",
    ],
)
def test_line_that_is_no_public_key(text) -> None:
    with pytest.raises(ValueError, match="public key"):
        PublicKey.parse(text)


def test_public_key_has_one_spelling(folder) -> None:
    key = public(folder)

    assert PublicKey.parse(f"  {key}\n") == key
    assert len(key.key_id) == 64
    assert key.key_id == canonical.sha256(str(key).encode()).removeprefix("sha256:")


@pytest.mark.parametrize("kind", ["signing", "recipient"])
def test_public_key_is_read_from_pem_as_from_its_line(tmp_path, kind) -> None:
    public = signing.new_key(kind, tmp_path / "key")
    pem = public.pem() or b""
    (tmp_path / "key.pem").write_bytes(pem)

    assert signing.load_public(tmp_path / "key.pem") == public
    private = (tmp_path / "key").read_bytes()
    for data in (pem + pem, pem[:-30], private, pem.replace(b"PUBLIC", b"OTHER")):
        (tmp_path / "bad.pem").write_bytes(data)
        with pytest.raises(UsageError, match="does not hold a public key"):
            signing.load_public(tmp_path / "bad.pem")


def test_hybrid_key_has_no_pem(tmp_path) -> None:
    public = signing.new_key("recipient", tmp_path / "key", post_quantum=True)

    assert public.pem() is None


def test_signed_payload_is_given_back(folder) -> None:
    envelope = signing.sign(b"hello", KIND, signer(folder))

    assert signing.open_envelope(envelope, KIND, [public(folder)], "it") == b"hello"
    assert signing.unverified_payload(envelope, KIND, "it") == b"hello"
    assert canonical.dumps(json.loads(envelope)) == envelope


def test_two_signatures_of_two_keys(folder) -> None:
    one = signing.sign(b"hello", KIND, signer(folder, "a"))
    both = signing.sign(b"hello", KIND, signer(folder, "b"), onto=one)
    keys = [public(folder, "a"), public(folder, "b")]

    assert signing.open_envelope(both, KIND, keys, "it", threshold=2) == b"hello"
    with pytest.raises(Refused, match="signer-not-trusted"):
        signing.open_envelope(both, KIND, keys[:1], "it")
    with pytest.raises(Refused, match="signature-missing"):
        signing.open_envelope(one, KIND, keys, "it", threshold=2)


def test_signing_again_with_one_key_is_one_signature(folder) -> None:
    one = signing.sign(b"hello", KIND, signer(folder))

    again = signing.sign(b"hello", KIND, signer(folder), onto=one)

    with pytest.raises(Refused, match="signature-missing"):
        signing.open_envelope(again, KIND, [public(folder)], "it", threshold=2)


def test_signature_is_not_added_to_other_bytes(folder) -> None:
    one = signing.sign(b"hello", KIND, signer(folder))

    with pytest.raises(UsageError, match="signs other bytes"):
        signing.sign(b"hellO", KIND, signer(folder, "b"), onto=one)


def test_no_trusted_key_trusts_nobody(folder) -> None:
    envelope = signing.sign(b"hello", KIND, signer(folder))

    with pytest.raises(Refused, match="signer-not-trusted"):
        signing.open_envelope(envelope, KIND, [], "it")


def test_threshold_of_none_is_one(folder) -> None:
    envelope = canonical.dumps({"payload": "", "payloadType": KIND, "signatures": []})

    with pytest.raises(Refused, match="signature-missing"):
        signing.open_envelope(envelope, KIND, [public(folder)], "it", threshold=0)


def test_signature_is_bound_to_the_payload_type(folder) -> None:
    envelope = json.loads(signing.sign(b"hello", KIND, signer(folder)))
    envelope["payloadType"] = "text/html"

    with pytest.raises(Refused, match="signature-invalid"):
        signing.open_envelope(canonical.dumps(envelope), "text/html", [public(folder)], "it")


@pytest.mark.parametrize("load", [signing.load_signer, signing.load_recipient])
@pytest.mark.parametrize("scheme", ["PKCS11", "Pkcs11", " pkcs11", "awskms", "Vault", "x"])
def test_no_message_repeats_what_follows_a_scheme(load, scheme) -> None:
    with pytest.raises(UsageError) as error:
        load(f"{scheme}:token=t?pin-value=1234")
    assert "1234" not in str(error.value)


def test_scheme_of_a_file_in_any_letters(folder) -> None:
    assert signing.load_signer(f"FILE:{folder / 'a'}").public_key == signer(folder).public_key


def test_key_that_is_no_file(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(UsageError, match="not an unencrypted"):
        signing.load_signer(str(tmp_path / "pipe"))
