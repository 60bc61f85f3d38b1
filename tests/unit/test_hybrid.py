"""Hybrid recipient keys: X25519 with ML-KEM-768."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from remit import hpke, signing
from remit.cli import main
from remit.errors import Refused, UsageError
from remit.hybrid import HybridPrivateKey
from remit.signing import PublicKey


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.new_key("recipient", tmp_path / "key", post_quantum=True)
    return tmp_path / "key"


def public(key: Path) -> PublicKey:
    return signing.load_public(key.with_name("key.pub"))


def test_what_is_sealed_opens_with_the_key_that_was_written(key) -> None:
    sealed = hpke.seal_to(public(key), b"a" * 32, b"info")
    private = signing.load_recipient(str(key))

    assert len(sealed) == 1120 + 32 + 16
    assert hpke.unseal(sealed, private, b"info") == b"a" * 32
    assert signing.public_of(private) == public(key)
    with pytest.raises(InvalidTag):
        hpke.unseal(sealed, private, b"other")


@pytest.mark.parametrize("half", ["lattice", "curve"])
def test_half_of_the_key_opens_nothing(key, half) -> None:
    sealed = hpke.seal_to(public(key), b"a" * 32, b"info")
    private, other = signing.load_recipient(str(key)), HybridPrivateKey.generate()
    mixed = HybridPrivateKey(
        private.lattice if half == "lattice" else other.lattice,
        private.curve if half == "curve" else other.curve,
    )

    with pytest.raises(InvalidTag):
        hpke.unseal(sealed, mixed, b"info")


def test_private_half_is_for_its_owner_alone_and_never_shown(key) -> None:
    key_text = key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600
    assert not any(line in repr(signing.load_recipient(str(key))) for line in key_text.split()[3:5])
    key.chmod(0o640)
    with pytest.raises(Refused, match="key-file-open"):
        signing.load_recipient(str(key))


@pytest.mark.parametrize("change", ["reversed", "twice", "one", "more"])
def test_file_that_is_not_these_two_blocks(key, change) -> None:
    mark = "-----END PRIVATE KEY-----\n"
    first, second = (block + mark for block in key.read_text().split(mark)[:2])
    texts = {"reversed": second + first, "twice": first + first, "one": first}
    key.write_text(texts.get(change, first + second + "more\n"))

    with pytest.raises(UsageError):
        signing.load_recipient(str(key))


@pytest.mark.parametrize("size", [32, 1184, 1215, 1217])
def test_public_key_of_another_length(size) -> None:
    line = f"mlkem768x25519:{base64.b64encode(bytes(size)).decode()}"

    with pytest.raises(ValueError, match=r"1216 bytes|written"):
        PublicKey.parse(line)


def test_public_key_with_a_guessable_or_impossible_half_is_weak(key) -> None:
    raw = public(key).raw

    assert not public(key).is_weak()
    assert PublicKey("mlkem768x25519", raw[:1184] + bytes(32)).is_weak()
    assert PublicKey("mlkem768x25519", b"\xff" * 1184 + raw[1184:]).is_weak()


def test_only_a_recipients_key_is_hybrid(tmp_path, capsys) -> None:
    assert main(["keys", "new", "recipient", str(tmp_path / "r"), "--hybrid"]) == 0
    assert "mlkem768x25519:" in capsys.readouterr().out
    for kind in ("signing", "pseudonym"):
        assert main(["keys", "new", kind, str(tmp_path / kind), "--hybrid"]) == 2
        assert not (tmp_path / kind).exists()


def test_flipped_bits_never_open(key) -> None:
    private, sealed = signing.load_recipient(str(key)), hpke.seal_to(public(key), b"a" * 32, b"i")
    chance = random.Random(1)
    for _ in range(50):
        bent = bytearray(sealed)
        bent[chance.randrange(len(sealed))] ^= 1 << chance.randrange(8)
        with pytest.raises(InvalidTag):
            hpke.unseal(bytes(bent), private, b"i")
