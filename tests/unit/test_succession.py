"""Signing keys that follow one another: only by an endorsement of both, in their order, for one log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.errors import EvidenceBroken
from remit.signing import PublicKey
from remit.succession import PAYLOAD_TYPE, Succession, endorse

LOG = "0" * 32
AT = "2026-01-31T08:30:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys")
    for name in "abcx":
        signing.new_key("signing", path / name)
    return path


@pytest.fixture
def rotation(folder: Path):
    def go(seq: int, old: str, new: str, **more: Any) -> tuple[int, dict[str, str]]:
        signers = [signing.load_signer(str(folder / name)) for name in (old, new)]
        envelope = endorse(more.get("log", LOG), more.get("size", seq), *signers, AT)
        keys = {"old": str(public(folder, old)), "new": str(public(folder, new))}
        return seq, {**keys, "endorsement": envelope.decode()}

    return go


def public(folder: Path, name: str) -> PublicKey:
    return signing.load_public(folder / f"{name}.pub")


def test_a_key_is_in_force_from_its_own_record_on(folder, rotation) -> None:
    chain = Succession.read(LOG, [rotation(3, "a", "b"), rotation(9, "b", "c")])
    a, b, c = (public(folder, name) for name in "abc")

    assert chain.keys == [a, b, c]
    assert [chain.in_force(size) for size in (0, 3, 4, 9, 10, 99)] == [[a], [a], [b], [b], [c], [c]]


def test_a_reader_is_vouched_for_what_follows_the_key_that_he_knows(folder, rotation) -> None:
    chain = Succession.read(LOG, [rotation(3, "a", "b"), rotation(9, "b", "c")])

    after = chain.after([public(folder, "b")])

    assert after.keys == [public(folder, "b"), public(folder, "c")]
    assert after.in_force(2) == []
    with pytest.raises(EvidenceBroken, match="none of those that were rotated is trusted"):
        chain.after([public(folder, "x")])


def test_without_a_rotation_the_key_that_is_named_first_counts_alone(folder) -> None:
    known = [public(folder, "a"), public(folder, "x")]

    assert Succession.read(LOG, []).after(known).in_force(5) == known[:1]
    assert Succession.read(LOG, []).trusting(known).in_force(5) == known[:1]


def test_next_key_counts_by_an_endorsement_of_the_first_alone(folder, rotation) -> None:
    """Who has the next key can endorse it with any key of his own."""
    named = [public(folder, "a"), public(folder, "b")]

    chain = Succession.read(LOG, [rotation(3, "a", "b")]).after(named)
    assert [chain.in_force(size) for size in (3, 4)] == [named[:1], named[1:]]
    with pytest.raises(EvidenceBroken, match="none of those that were rotated is trusted"):
        Succession.read(LOG, [rotation(3, "x", "b")]).after(named)


@pytest.mark.parametrize("more", [{"log": "1" * 32}, {"size": 4}])
def test_endorsement_of_another_log_or_place(rotation, more) -> None:
    with pytest.raises(EvidenceBroken, match="does not verify"):
        Succession.read(LOG, [rotation(3, "a", "b", **more)])


@pytest.mark.parametrize("second", [("a", "c"), ("b", "a"), ("c", "x")])
def test_chain_that_forks_returns_or_has_a_gap(rotation, second) -> None:
    with pytest.raises(EvidenceBroken, match="does not follow the key in force"):
        Succession.read(LOG, [rotation(3, "a", "b"), rotation(9, *second)])


@pytest.mark.parametrize("by", ["a", "b"])
def test_endorsement_of_one_of_the_two_alone(folder, rotation, by) -> None:
    """The old key must give, and the new one take: neither can be put beside the other by a thief."""
    seq, data = rotation(3, "a", "b")
    payload = signing.unverified_payload(data["endorsement"].encode(), PAYLOAD_TYPE, "it")
    one = signing.sign(payload, PAYLOAD_TYPE, signing.load_signer(str(folder / by)))

    with pytest.raises(EvidenceBroken, match="does not verify"):
        Succession.read(LOG, [(seq, data | {"endorsement": one.decode()})])


@pytest.mark.parametrize("field", ["log", "size", "old", "new", "at"])
def test_endorsement_that_lacks_a_field(folder, rotation, field) -> None:
    seq, data = rotation(3, "a", "b")
    fields = json.loads(signing.unverified_payload(data["endorsement"].encode(), PAYLOAD_TYPE, ""))
    del fields[field]
    signers = [signing.load_signer(str(folder / name)) for name in "ab"]
    payload = canonical.dumps(fields)
    envelope = signing.sign(payload, PAYLOAD_TYPE, signers[0])
    envelope = signing.sign(payload, PAYLOAD_TYPE, signers[1], onto=envelope)

    with pytest.raises(EvidenceBroken, match="does not verify"):
        Succession.read(LOG, [(seq, data | {"endorsement": envelope.decode()})])
