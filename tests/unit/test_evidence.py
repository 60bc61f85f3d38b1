"""The Merkle tree, against a naive one written from the words of RFC 6962."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit import signing, verification
from remit.adapters.ledger import SqlLedger
from remit.errors import EvidenceBroken, Refused
from remit.evidence import EvidenceLog, Fact, Kept, Record, parse_timestamp, timestamp
from remit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_nodes,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    nodes_text,
    parse_nodes,
    proof_nodes,
    root_from_proof,
)
from remit.verification import verify_log

NOW = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
bodies = st.lists(st.binary(max_size=20), min_size=1, max_size=70)


def naive_root(entries: list[bytes]) -> bytes:
    """RFC 6962, 2.1: MTH."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    halves = naive_root(entries[:split]) + naive_root(entries[split:])
    return hashlib.sha256(b"\x01" + halves).digest()


def naive_path(index: int, entries: list[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1: PATH."""
    if len(entries) == 1:
        return []
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if index < split:
        return [*naive_path(index, entries[:split]), naive_root(entries[split:])]
    return [*naive_path(index - split, entries[split:]), naive_root(entries[:split])]


def grown(leaves: list[bytes]) -> tuple[Frontier, dict[int, list[bytes]]]:
    """The frontier over the leaves, and the nodes that each of them completes."""
    frontier, completed = Frontier(), dict[int, list[bytes]]()
    for place, leaf in enumerate(leaves):
        frontier, completed[place] = frontier.with_leaf(leaf)
    return frontier, completed


def root_of(leaves: list[bytes]) -> bytes:
    return grown(leaves)[0].root()


@given(st.lists(st.binary(max_size=20), max_size=70))
def test_root_is_that_of_the_rfc(entries: list[bytes]) -> None:
    assert root_of([leaf_hash(entry) for entry in entries]) == naive_root(entries)


@given(bodies, st.data())
def test_inclusion_proof_is_that_of_the_rfc_and_leads_to_the_root(entries, data) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = [leaf_hash(entry) for entry in entries]

    _, completed = grown(leaves)
    asked = {node.last for step in proof_nodes(index, len(leaves)) for node in step}

    path = inclusion_proof(index, len(leaves), {place: completed[place] for place in asked})

    assert path == naive_path(index, entries)
    assert root_from_proof(leaves[index], index, len(leaves), path) == naive_root(entries)


@given(st.lists(st.binary(max_size=20), min_size=2, max_size=40, unique=True), st.data())
def test_wrong_proof_leads_to_no_or_another_root(entries, data) -> None:
    index = data.draw(st.integers(0, len(entries) - 1))
    leaves = [leaf_hash(entry) for entry in entries]
    root, path = naive_root(entries), naive_path(index, entries)
    other = data.draw(st.integers(0, len(entries) - 1).filter(lambda number: number != index))
    place = data.draw(st.integers(0, len(path) - 1))
    bent = [*path[:place], bytes(32), *path[place + 1 :]]

    assert root_from_proof(leaves[other], index, len(leaves), path) != root
    assert root_from_proof(leaves[index], other, len(leaves), path) != root
    assert root_from_proof(leaves[index], index, len(leaves), bent) != root
    assert root_from_proof(leaves[index], index, len(leaves), path[:-1]) != root
    assert root_from_proof(leaves[index], index, len(leaves), [*path, bytes(32)]) != root
    assert root_from_proof(leaves[index], index, len(leaves), path[1:]) != root


def naive_consistency(old: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2: SUBPROOF."""
    if old == len(entries):
        return [] if whole else [naive_root(entries)]
    split = 1
    while split * 2 < len(entries):
        split *= 2
    if old <= split:
        return [*naive_consistency(old, entries[:split], whole), naive_root(entries[split:])]
    rest = naive_consistency(old - split, entries[split:], False)
    return [*rest, naive_root(entries[:split])]


@given(bodies, st.data())
def test_consistency_proof_is_that_of_the_rfc_and_shows_that_nothing_was_rewritten(entries, data):
    old, size = data.draw(st.integers(1, len(entries))), len(entries)
    _, completed = grown([leaf_hash(entry) for entry in entries])
    asked = {node.last for step in consistency_nodes(old, size) for node in step}
    before, now = naive_root(entries[:old]), naive_root(entries)

    path = consistency_proof(old, size, {place: completed[place] for place in asked})

    assert path == naive_consistency(old, entries)
    assert is_consistent(old, before, size, now, path)
    assert not is_consistent(old, bytes(32), size, now, path)
    assert not is_consistent(old, before, size, bytes(32), path)
    assert not is_consistent(old, before, size, now, [*path, bytes(32)])
    assert not is_consistent(size + 1, before, size, now, path)
    assert not is_consistent(0, before, size, now, path)
    for place in range(len(path)):
        bent = [*path[:place], bytes(32), *path[place + 1 :]]
        assert not is_consistent(old, before, size, now, bent)
        assert not is_consistent(old, before, size, now, path[:place])


@given(bodies, st.integers(1, 200))
def test_proof_for_another_size_of_the_tree(entries, size) -> None:
    leaves = [leaf_hash(entry) for entry in entries]
    path = inclusion_proof(0, len(leaves), grown(leaves)[1])

    found = root_from_proof(leaves[0], 0, size, path)

    if (size - 1).bit_length() != len(path):  # the first leaf lies that deep
        assert found is None


def test_known_roots() -> None:
    """The empty tree, one empty leaf, and the leaf and node prefixes that keep them apart."""
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    assert leaf_hash(b"").hex().startswith("6e340b9cffb37a98")
    assert Frontier().root() == EMPTY_ROOT
    assert root_of([leaf_hash(b"")]) == leaf_hash(b"")
    two = root_of([leaf_hash(b"a"), leaf_hash(b"b")])
    assert leaf_hash(leaf_hash(b"a") + leaf_hash(b"b")) != two


@given(bodies)
def test_frontier_keeps_one_root_for_each_bit_of_its_size(entries) -> None:
    frontier = Frontier()
    for number, entry in enumerate(entries, 1):
        frontier, nodes = frontier.with_leaf(leaf_hash(entry))
        assert frontier.size == number
        assert nodes[0] == leaf_hash(entry)
        assert nodes[-1] == frontier.roots[-1]
        assert len(frontier.roots) == number.bit_count()
        assert frontier.root() == naive_root(entries[:number])


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_nodes_are_read_back(nodes) -> None:
    assert list(parse_nodes(nodes_text(nodes))) == nodes


@pytest.mark.parametrize("text", [" ", "00", "zz" * 32, "AB" * 32, "ab" * 33, "ab" * 32 + " "])
def test_nodes_that_are_none(text) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_nodes(text)


# --- verification by ranges ---------------------------------------------------------------------


@pytest.fixture
def long_log(tmp_path, monkeypatch) -> tuple[SqlLedger, list[signing.PublicKey], list[bytes]]:
    """Some ranges full of records, and the last one begun; a checkpoint every so often."""
    monkeypatch.setattr(verification, "RANGE", 8)
    monkeypatch.setattr(verification, "_WORTH_PROCESSES", 1)
    public = signing.new_key("signing", tmp_path / "key.pem")
    ledger = SqlLedger(f"sqlite:///{tmp_path}/evidence.sqlite", tmp_path / "witness")
    log = EvidenceLog(ledger, signing.load_signer(str(tmp_path / "key.pem")), lambda: NOW)
    checkpoints = []
    for number in range(18):
        runs = ("durand", f"roux-{number}", "durand")
        log.append_all(
            [Fact(run, "noted", {"n": number}, None) for run in runs[: 1 + number % 3]], "me"
        )
        checkpoints.append(log.newest_checkpoint() or b"")
    return ledger, [public], checkpoints


def test_every_earlier_checkpoint_is_honoured_wherever_it_is_in_a_range(long_log) -> None:
    ledger, keys, checkpoints = long_log

    assert verify_log(ledger, keys, checkpoints).size == 36


def test_several_processes_find_what_one_finds(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(verification, "_WORTH_PROCESSES", 1)
    public = signing.new_key("signing", tmp_path / "key.pem")
    ledger = SqlLedger(f"sqlite:///{tmp_path}/evidence.sqlite", tmp_path / "witness")
    log = EvidenceLog(ledger, signing.load_signer(str(tmp_path / "key.pem")), lambda: NOW)
    log.append_all([Fact(f"run-{n % 99}", "noted", {"n": n}, None) for n in range(9000)], "me")

    assert verify_log(ledger, [public], processes=2) == verify_log(ledger, [public])
    with closing(sqlite3.connect(tmp_path / "evidence.sqlite")) as database, database:
        database.execute("UPDATE remit_record SET body = replace(body, '\"n\":4400', '\"n\":4401')")
        database.execute("UPDATE remit_record SET body = replace(body, '\"n\":8800', '\"n\":8801')")
    for processes in (1, 2):
        with pytest.raises(EvidenceBroken, match="changed after it was recorded") as caught:
            verify_log(ledger, [public], processes=processes)
        assert caught.value.where == "record 4400"


@pytest.mark.parametrize("seq", range(36))
def test_nodes_kept_with_any_record_are_held_to_the_tree(long_log, tmp_path, seq) -> None:
    ledger, keys, _ = long_log
    with closing(sqlite3.connect(tmp_path / "evidence.sqlite")) as database, database:
        [[nodes]] = database.execute(f"SELECT nodes FROM remit_record WHERE seq = {seq}")
        spoilt = nodes[:-1] + ("0" if nodes[-1] != "0" else "1")
        database.execute(f"UPDATE remit_record SET nodes = '{spoilt}' WHERE seq = {seq}")

    with pytest.raises(EvidenceBroken, match=f"record {seq}:"):
        verify_log(ledger, keys)


def test_record_that_its_run_is_not_found_by(long_log) -> None:
    ledger, keys, _ = long_log

    class Hiding:
        """The ledger, but for a record that the index lacks."""

        name, page, state, witnessed = ledger.name, ledger.page, ledger.state, ledger.witnessed
        kept = ledger.kept

        def places(self, before: int) -> list[tuple[str, int, int]]:
            return [place for place in ledger.places(before) if place[2] != 35]

    with pytest.raises(EvidenceBroken, match="only 35 of 36 records are found by their run"):
        verify_log(Hiding(), keys)


def test_records_may_be_appended_while_the_log_is_verified(long_log, tmp_path) -> None:
    ledger, keys, _ = long_log
    log = EvidenceLog(ledger, signing.load_signer(str(tmp_path / "key.pem")), lambda: NOW)

    class Busy:
        """The ledger of a deployment at work."""

        name, places, state, witnessed = ledger.name, ledger.places, ledger.state, ledger.witnessed
        kept = ledger.kept

        def page(self, after: int | None, before: int, limit: int) -> list[Kept]:
            log.append("leroy", "noted", {}, "me", step=None)
            return ledger.page(after, before, limit)

    assert verify_log(Busy(), keys).size == 36
    assert verify_log(ledger, keys).size > 36


def test_several_facts_are_recorded_all_or_none(long_log, tmp_path) -> None:
    ledger, keys, _ = long_log
    log = EvidenceLog(ledger, signing.load_signer(str(tmp_path / "key.pem")), lambda: NOW)

    with pytest.raises(Refused, match="run-moved"):
        log.append_all([Fact("blanc", "noted", {}, 0), Fact("blanc", "noted", {}, 0)], "me")
    assert verify_log(ledger, keys).size == 36

    log.append_all([Fact("blanc", "noted", {}, 0), Fact("blanc", "noted", {}, 1)], "me")
    assert [record.step for record in log.records("blanc")] == [0, 1]
    assert verify_log(ledger, keys).size == 38


def test_runs_are_listed_newest_first(long_log) -> None:
    ledger, _, _ = long_log

    places = list(ledger.runs())

    assert [run for _, run in places[:2]] == ["roux-17", "roux-16"]
    assert places[-1] == (0, "durand")
    assert list(ledger.runs(places[1][0])) == places[2:]


# --- records and times ----------------------------------------------------------------------------

RECORD = Record(0, "run-1", 0, "opened", "2026-01-01T00:00:00Z", "me", {"a": [1, None]})


def test_record_is_read_back() -> None:
    assert Record.parse(RECORD.body(), "it") == RECORD


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"seq":0', b'"seq":"0"'),
        (b'"seq":0', b'"seq":true'),
        (b'"seq":0', b'"seq":null'),
        (b'"step":0', b'"step":[]'),
        (b'"run":"run-1"', b'"run":1'),
        (b'"kind":"opened"', b'"kind":["opened"]'),
        (b'"by":"me"', b'"by":null'),
        (b'"by":"me",', b""),
        (b'{"at"', b'{"a":1,"at"'),
        (b'"seq":0', b'"seq": 0'),
    ],
)
def test_record_that_is_none(before, after) -> None:
    body = RECORD.body()
    assert before in body

    with pytest.raises(EvidenceBroken, match="no longer well formed"):
        Record.parse(body.replace(before, after), "it")


@given(st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1)), st.integers(-14, 14))
def test_times_are_in_utc_to_the_second(moment, hours) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))

    written = timestamp(aware)

    assert written.endswith("Z")
    assert len(written) == 20
    assert parse_timestamp(written) == aware.astimezone(UTC).replace(microsecond=0)
