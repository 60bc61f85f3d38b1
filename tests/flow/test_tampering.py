"""Everything that is signed or recorded, changed afterwards: each change is noticed and named."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.adapters.folder import FolderStore
from remit.adapters.ledger import SqlLedger
from remit.bundle import make_bundle
from remit.cli import main
from remit.confirm import verify_receipt
from remit.custody import Register
from remit.errors import EvidenceBroken, Refused, Unavailable
from remit.evidence import Checkpoint, EvidenceLog, Ledger, Record
from remit.instruction import (
    VerifiedInstruction,
    digest_of,
    parse,
    read_signed,
    verify,
)
from remit.instruction.revocation import revocation_path, revoke, verify_revocation
from remit.manifest import Manifest, open_manifest
from remit.merkle import Frontier, leaf_hash, nodes_text
from remit.narrative import KINDS as TOLD
from remit.ports import Rule, Verdict
from remit.receive import Delivery
from remit.testing.world import World, by
from remit.verification import verify_log
from remit.wiring import Settings, open_ledger

FLIPS = 500  # of the manifest, of the receipt and of delivered files, 1,500 in all
KINDS = (
    "received revoked opened planned unplanned obliged extracted validated invalid sealing sealed "
    "delivering delivered confirmed deleting deleted refused interrupted stopped undeleted held "
    "answered"
).split()


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def __init__(self, at_most: int = 10**9) -> None:
        self.at_most = at_most

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        fits = extract.count_rows() <= self.at_most
        return [Verdict(rule.id, rule.type, (), fits) for rule in rules]


def flipped(data: bytes, count: int = FLIPS, seed: int = 2022) -> Iterator[tuple[str, bytes]]:
    """The data with one bit changed, at random places."""
    chance = random.Random(seed)
    for _ in range(count):
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        changed = bytearray(data)
        changed[place] ^= 1 << bit
        yield f"byte {place}, bit {bit}", bytes(changed)


def survivors(
    changed: Iterable[tuple[str, bytes]], check: Callable[[bytes], object], *kinds: type
) -> list[str]:
    """The changes that were let through. Any other exception than those of `kinds` is a failure."""
    found = []
    for what, data in changed:
        try:
            check(data)
        except kinds:
            continue
        found.append(what)
    return found


# --- one run that went well, and others that went every other way -------------------------------


class History:
    """A world whose log holds a record of every kind, and what its main run made."""

    def __init__(self, root: Path) -> None:
        self.world = world = World(root)
        self.run = run = world.open_run("durand-main")
        self.early = world.deployment().log.newest_checkpoint()
        self.folder = world.deliver(run, RowCounter())
        self.kept = Path(shutil.copytree(self.folder, root / "kept"))
        run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(hours=1))
        self._answer_wrongly()
        world.ingest(run)
        self.receipt = (self.folder / "receipt.dsse.json").read_bytes()
        run.confirm(world.landing())
        world.clock.advance(hours=2)
        run.delete(world.landing)
        self._refuse_a_plan()
        self._interrupt()
        self._stop()
        self._withdraw()
        self.key = signing.load_public(root / "processor" / "keys" / "processor.pem.pub")

    def _answer_wrongly(self) -> None:
        (self.folder / "receipt.dsse.json").write_bytes(b"{}")
        with suppress(Refused):
            self.run.confirm(self.world.landing())

    def _refuse_a_plan(self) -> None:
        self.world.landing_path.chmod(0o777)
        run = self.world.open_run("durand-refused")
        with suppress(Refused):
            run.plan(self.world.source(), self.world.landing(), RowCounter())
        self.world.landing_path.chmod(0o750)

    def _interrupt(self) -> None:
        run = self.world.open_run("durand-interrupted")
        run.plan(self.world.source(), self.world.landing(), RowCounter())
        database = self.world.root / "lis.sqlite"
        database.rename(self.world.root / "away")
        with suppress(Unavailable):
            run.extract(self.world.source(), lambda *_: None)
        (self.world.root / "away").rename(database)

    def _stop(self) -> None:
        run = self.world.open_run("durand-stopped")
        steps = self.world.steps(run, RowCounter(at_most=1))
        steps["plan"]()
        steps["extract"]()
        remove, FolderStore.remove = FolderStore.remove, lambda self, path: None
        try:
            with suppress(Refused):
                steps["validate"]()
        finally:
            FolderStore.remove = remove

    def _withdraw(self) -> None:
        path = self.world.root / "include" / "instructions" / "durand.yaml"
        text = path.read_bytes()
        signer = signing.load_signer(str(self.world.root / "controller" / "controller.pem"))
        reason, now = "The laboratory moves later than planned", self.world.clock()
        self.revocation = revoke(parse(text), digest_of(text), reason, now, signer)
        revocation_path(path).write_bytes(self.revocation)
        Register(self.world.deployment(), "test").take_in()

    @property
    def instruction(self) -> VerifiedInstruction:
        return self.run.instruction()

    @property
    def manifest(self) -> Manifest:
        return open_manifest(self.run.story.manifest_envelope, self.instruction)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> History:
    root = tmp_path_factory.mktemp("tampering")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    return History(root)


@pytest.fixture
def home(history: History, tmp_path: Path) -> Path:
    """A copy of the processor's evidence, to tamper with."""
    copy = tmp_path / "home"
    copy.mkdir()
    for name in ("evidence.sqlite", "witness.dsse.json"):
        shutil.copyfile(history.world.root / "processor" / name, copy / name)
    return copy


@pytest.fixture
def check(history: History, home: Path) -> Callable[..., Checkpoint]:
    """Verify the tampered log."""
    return lambda *earlier: verify_log(ledger_at(home), [history.key], earlier)


def ledger_at(home: Path) -> Ledger:
    return open_ledger(Settings.from_environment({"REMIT_HOME": str(home)}))


def sql(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "evidence.sqlite")) as database, database:
        for statement in statements:
            database.execute(statement)


def cut_back(home: Path, envelope: bytes) -> None:
    """Put the log back to an earlier state, of which somebody kept the signed checkpoint."""
    size, frontier = Checkpoint.unverified(envelope, "it").size, Frontier()
    for body in bodies(home)[:size]:
        frontier, _ = frontier.with_leaf(leaf_hash(body))
    sql(
        home,
        f"DELETE FROM remit_record WHERE seq >= {size}",
        f"UPDATE remit_log SET size = {size}, frontier = '{nodes_text(frontier.roots)}',"
        f" checkpoint = '{envelope.decode()}'",
    )


EMPTY = (
    "DELETE FROM remit_record",
    "UPDATE remit_log SET size = 0, frontier = '', checkpoint = NULL",
)


def bodies(home: Path) -> list[bytes]:
    return [kept.body for kept in ledger_at(home).kept()]


def test_history_holds_every_kind_of_record(history) -> None:
    records = history.world.deployment().log.records()

    # Those of a dump, a shared state, keys, a release, a sweep, an approval, a person's word and alerts
    # are records like any other.
    others = {"divided", "piece", "dump-kept", "rotated", "key-revoked"}
    others |= {"released", "orphans", "swept", "asked", "approved", "disapproved", "vouched"}
    others |= {"alerted", "acknowledged", "escalated", "closed", "attempted"}
    assert {record.kind for record in records} == set(KINDS) == set(TOLD) - others


def test_untouched_evidence_verifies(history, home, check) -> None:
    assert check().size == len(bodies(home))


# --- signed documents ----------------------------------------------------------------------------


def test_instruction_file_with_one_byte_changed(history, tmp_path) -> None:
    source = history.world.root / "include" / "instructions" / "durand.yaml"
    path = tmp_path / "durand.yaml"
    shutil.copyfile(f"{source}.dsse.json", f"{path}.dsse.json")

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_signed(path)

    assert survivors(flipped(source.read_bytes()), read, Refused) == []


def test_signature_of_the_instruction_with_one_byte_changed(history) -> None:
    envelope = history.run.story.instruction_envelope
    trust, now = history.world.settings.trust(), history.world.clock()

    accepted = survivors(flipped(envelope), lambda data: verify(data, trust, now), Refused)

    assert accepted == []


def test_revocation_with_one_byte_changed(history) -> None:
    trust = history.world.settings.trust()

    def check(data: bytes) -> None:
        verify_revocation(data, trust, "the revocation")

    check(history.revocation)
    assert survivors(flipped(history.revocation), check, Refused) == []


def test_manifest_with_one_byte_changed(history) -> None:
    envelope, instruction = history.run.story.manifest_envelope, history.instruction

    accepted = survivors(flipped(envelope), lambda data: open_manifest(data, instruction), Refused)

    assert accepted == []


def test_receipt_with_one_byte_changed(history) -> None:
    instruction, manifest = history.instruction, history.manifest
    digest = canonical.sha256(history.run.story.manifest_envelope)
    now = history.world.clock()

    def confirm(data: bytes) -> None:
        verify_receipt(data, instruction, manifest, digest, now)

    confirm(history.receipt)
    assert survivors(flipped(history.receipt), confirm, Refused) == []


@pytest.mark.parametrize("name", ["results.parquet", "observation_history.parquet"])
def test_delivered_file_with_one_byte_changed(history, tmp_path, name) -> None:
    folder = Path(shutil.copytree(history.kept, tmp_path / "delivery"))
    key = signing.load_recipient(str(history.world.root / "target" / "recipient.pem"))
    delivery = Delivery.open(FolderStore(folder), "", history.world.settings.trust())

    def reconcile(data: bytes) -> None:
        (folder / name).write_bytes(data)
        delivery.reconcile(key)

    reconcile((folder / name).read_bytes())
    original = (folder / name).read_bytes()
    with pytest.raises(Refused, match=f"file-changed at {name}"):
        reconcile(next(flipped(original))[1])
    assert survivors(flipped(original, FLIPS // 2), reconcile, Refused) == []


@pytest.mark.parametrize("name", ["manifest.dsse.json", "instruction.dsse.json"])
def test_delivered_document_with_one_byte_changed_exits_3(history, tmp_path, capsys, name) -> None:
    folder = Path(shutil.copytree(history.kept, tmp_path / "delivery"))
    _, changed = next(flipped((folder / name).read_bytes()))
    (folder / name).write_bytes(changed)
    world = history.world

    code = main(
        ["open", str(folder), "--key", str(world.root / "target" / "recipient.pem"),
         "--out", str(tmp_path / "out"), "--trust", str(world.settings.include / "controllers")]
    )  # fmt: skip

    assert code == 3
    printed = capsys.readouterr().err
    assert "Refused (" in printed
    assert {"manifest": "manifest", "instruction": "instruction"}[name.split(".")[0]] in printed
    assert not (tmp_path / "out").exists()


# --- the log: what is in it -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_one_character_of_a_record(home, check, kind) -> None:
    records = [Record.parse(body, "it") for body in bodies(home)]
    record = [record for record in records if record.kind == kind][-1]
    # The last character of the time: still a record in every way, but not the one that was kept.
    at = record.at[:-2] + str((int(record.at[-2]) + 1) % 10) + "Z"
    sql(
        home,
        f'UPDATE remit_record SET body = replace(body, \'"at":"{record.at}"\', \'"at":"{at}"\')'
        f" WHERE seq = {record.seq}",
    )

    with pytest.raises(EvidenceBroken, match=r"changed after it was recorded") as caught:
        check()
    assert caught.value.where == f"record {record.seq}"


@pytest.mark.parametrize(
    ("statement", "where", "message"),
    [
        ("DELETE FROM remit_record WHERE seq = 0", "record 0", "missing"),
        ("DELETE FROM remit_record WHERE seq = 4", "record 4", "missing"),
        ("UPDATE remit_record SET body = body || ' ' WHERE seq = 3", "record 3", "well formed"),
        ("UPDATE remit_record SET body = '{}' WHERE seq = 3", "record 3", "well formed"),
        ("UPDATE remit_record SET body = '' WHERE seq = 3", "record 3", "well formed"),
        ("UPDATE remit_record SET body = x'ff' WHERE seq = 3", "record 3", "no longer text"),
        ("UPDATE remit_record SET body = 7 WHERE seq = 3", "record 3", "well formed"),
        ("UPDATE remit_record SET seq = 1000 WHERE seq = 3", "record 3", "missing"),
        ("UPDATE remit_record SET seq = -1 WHERE seq = 3", "record -1", "not in its place"),
    ],
)
def test_record_dropped_or_overwritten(home, check, statement, where, message) -> None:
    sql(home, statement)

    with pytest.raises(EvidenceBroken, match=message) as caught:
        check()
    assert caught.value.where.startswith(where)


def test_two_records_reordered(home, check) -> None:
    sql(
        home,
        "UPDATE remit_record SET seq = -1, step = -1 WHERE seq = 3",
        "UPDATE remit_record SET seq = 3, step = 2 WHERE seq = 4",
        "UPDATE remit_record SET seq = 4, step = 3 WHERE seq = -1",
    )

    with pytest.raises(EvidenceBroken, match="not in its place: records were moved"):
        check()


def test_record_taken_out_and_the_rest_closed_up(home, check) -> None:
    sql(
        home,
        "DELETE FROM remit_record WHERE seq = 4",
        "UPDATE remit_record SET seq = -seq WHERE seq > 4",
        "UPDATE remit_record SET seq = -seq - 1 WHERE seq < 0",
    )

    with pytest.raises(EvidenceBroken, match="not in its place: records were moved"):
        check()


def test_record_added_without_a_checkpoint(history, home, check) -> None:
    count = len(bodies(home))
    record = Record(count, "durand-forged", 0, "opened", "2026-01-01T00:00:00Z", "me", {})
    with closing(sqlite3.connect(home / "evidence.sqlite")) as database, database:
        values = (count, record.run, 0, record.kind, record.body().decode())
        database.execute("INSERT INTO remit_record VALUES (?, ?, ?, ?, ?, '')", values)

    with pytest.raises(EvidenceBroken, match="extended without a checkpoint") as caught:
        check()
    assert caught.value.where == f"record {count + 1}"


@pytest.mark.parametrize("column", ["run = 'durand-other'", "step = 99", "kind = 'planned'"])
def test_record_hidden_from_its_run_by_a_column(home, check, column) -> None:
    # The obligation to delete is looked for by the run, and who took an interval by the kind.
    sql(home, f"UPDATE remit_record SET {column} WHERE seq = 3")

    with pytest.raises(EvidenceBroken):
        check()


@pytest.mark.parametrize("kind", ["received", "revoked"])
def test_record_hidden_from_the_register_by_a_column(home, check, kind) -> None:
    # A revocation that is not found would let a transfer go on.
    sql(home, f"UPDATE remit_record SET run = 'durand-other', step = 0 WHERE kind = '{kind}'")

    with pytest.raises(EvidenceBroken):
        check()


# --- the log: its end -----------------------------------------------------------------------------


def test_log_cut_short(home, check) -> None:
    sql(home, "DELETE FROM remit_record WHERE seq >= 10")

    with pytest.raises(EvidenceBroken, match="cut short: 10 of") as caught:
        check()
    assert caught.value.where == "record 10"


def test_log_cut_short_with_its_checkpoints(history, home, check) -> None:
    cut_back(home, history.early)

    with pytest.raises(EvidenceBroken, match="cut short"):
        check()
    # Nor does it go on, which would overwrite the witness.
    witness = (home / "witness.dsse.json").read_bytes()
    deployment = history.world.deployment()
    log = type(deployment.log)(ledger_at(home), deployment.log.signer, history.world.clock)
    with pytest.raises(EvidenceBroken, match="the witness has seen"):
        log.append("durand-main", "held", {}, "me", step=len(log.records("durand-main")))
    assert (home / "witness.dsse.json").read_bytes() == witness


def test_log_cut_short_with_checkpoints_and_witness_is_seen_by_who_kept_a_checkpoint(
    history, home, check
) -> None:
    delivered = history.manifest.checkpoint.encode()
    assert check(delivered).size == len(bodies(home))
    cut_back(home, history.early)
    (home / "witness.dsse.json").unlink()
    assert check().size == Checkpoint.unverified(history.early, "it").size

    with pytest.raises(EvidenceBroken, match="cut short"):
        check(delivered)


def test_log_emptied(home, check) -> None:
    sql(home, *EMPTY)

    with pytest.raises(EvidenceBroken, match="the checkpoints that it had are gone"):
        check()


def test_log_replaced_by_an_empty_file(home, check) -> None:
    (home / "evidence.sqlite").unlink()

    with pytest.raises(EvidenceBroken, match="the checkpoints that it had are gone"):
        check()


def test_log_replaced_by_one_of_another_deployment(history, home, check, tmp_path) -> None:
    signer = signing.load_signer(history.world.settings.signing_key)
    settings = Settings.from_environment({"REMIT_HOME": str(tmp_path / "other")})
    other = EvidenceLog(open_ledger(settings, create=True), signer, history.world.clock)
    for step in range(40):
        other.append("durand-main", "held", {}, "me", step=step)
    shutil.copyfile(tmp_path / "other" / "evidence.sqlite", home / "evidence.sqlite")

    with pytest.raises(EvidenceBroken, match="it belongs to another log"):
        check()


# --- checkpoints and witness ----------------------------------------------------------------------


def stranger(folder: Path) -> Any:
    signing.new_key("signing", folder / "stranger.pem")
    return signing.load_signer(str(folder / "stranger.pem"))


def resigned(home: Path, signer: Any) -> bytes:
    envelope = ledger_at(home).checkpoint()
    payload = signing.unverified_payload(envelope, "application/vnd.remit.checkpoint+json", "it")
    return Checkpoint(**json.loads(payload)).sign(signer)


def test_newest_checkpoint_signed_with_another_key(home, check, tmp_path) -> None:
    envelope = resigned(home, stranger(tmp_path)).decode()
    sql(home, f"UPDATE remit_log SET checkpoint = '{envelope}'")

    with pytest.raises(EvidenceBroken, match="not among the trusted keys") as caught:
        check()
    assert caught.value.where == "the newest checkpoint"


def test_witness_signed_with_another_key(home, check, tmp_path) -> None:
    (home / "witness.dsse.json").write_bytes(resigned(home, stranger(tmp_path)))

    with pytest.raises(EvidenceBroken, match="not among the trusted keys") as caught:
        check()
    assert caught.value.where == "the witness checkpoint"


def test_history_rewritten_with_the_processors_own_key(history, home, check, tmp_path) -> None:
    """Who has the key can sign another history, but not make the witness agree with it."""
    signer = signing.load_signer(history.world.settings.signing_key)
    name = ledger_at(home).name
    count = len(bodies(home))
    sql(home, *EMPTY)
    url = f"sqlite:///{home}/evidence.sqlite"
    log = EvidenceLog(SqlLedger(url, tmp_path / "w"), signer, history.world.clock)
    for step in range(count):
        log.append("durand-main", "held", {}, "me", step=step)
    assert ledger_at(home).name == name

    with pytest.raises(EvidenceBroken, match="two of one size differ"):
        check()


def test_witness_with_one_byte_changed(home, check) -> None:
    witness = home / "witness.dsse.json"

    def verify_with(data: bytes) -> None:
        witness.write_bytes(data)
        check()

    original = witness.read_bytes()
    assert survivors(flipped(original, 60), verify_with, EvidenceBroken) == []


def test_newest_checkpoint_with_one_byte_changed(history, home) -> None:
    ledger = ledger_at(home)

    class Changed:
        """The ledger, but for its newest checkpoint."""

        name, page, places, witnessed = ledger.name, ledger.page, ledger.places, ledger.witnessed
        kept = ledger.kept
        envelope = b""

        def state(self) -> tuple[int, bytes | None]:
            return ledger.state()[0], self.envelope

    changed = Changed()

    def verify_with(data: bytes) -> None:
        changed.envelope = data
        verify_log(changed, [history.key])

    verify_with(ledger.checkpoint())
    assert survivors(flipped(ledger.checkpoint()), verify_with, EvidenceBroken) == []


def test_tree_frontier_that_was_changed_is_not_built_upon(history, home) -> None:
    sql(
        home,
        "UPDATE remit_log SET frontier = replace(frontier, substr(frontier, 1, 2), '00')",
    )
    deployment = history.world.deployment()
    log = type(deployment.log)(ledger_at(home), deployment.log.signer, history.world.clock)

    with pytest.raises(EvidenceBroken):
        log.append("durand-new", "opened", {}, "me", step=0)


@pytest.mark.parametrize(
    "frontier",
    [
        "",
        "00",
        "zz",
        "0",
    ],
)
def test_tree_frontier_that_is_none(history, home, frontier) -> None:
    sql(home, f"UPDATE remit_log SET frontier = '{frontier}'")
    deployment = history.world.deployment()
    log = type(deployment.log)(ledger_at(home), deployment.log.signer, history.world.clock)

    with pytest.raises(EvidenceBroken):
        log.append("durand-new", "opened", {}, "me", step=0)


# --- raw bytes of the database's file -------------------------------------------------------------


def test_raw_bytes_of_the_ledger_file(home, check) -> None:
    """A page has room that holds nothing; a change elsewhere is noticed, and never a traceback."""
    path = home / "evidence.sqlite"
    original, before = path.read_bytes(), bodies(home)
    noticed = 0
    for what, data in flipped(original, 200):
        path.write_bytes(data)
        for leftover in home.glob("evidence.sqlite-*"):
            leftover.unlink()
        try:
            check()
            assert bodies(home) == before, what
        except (EvidenceBroken, Unavailable):
            noticed += 1
    assert noticed > 50


@pytest.mark.parametrize("spoil", [b"", b"not a database" * 100, b"SQLite format 3\x00"])
def test_ledger_file_that_is_none(home, check, spoil) -> None:
    (home / "evidence.sqlite").write_bytes(spoil)

    with pytest.raises((EvidenceBroken, Unavailable)):
        check()


def test_ledger_file_cut_in_half(home, check) -> None:
    data = (home / "evidence.sqlite").read_bytes()
    (home / "evidence.sqlite").write_bytes(data[: len(data) // 2])

    with pytest.raises(EvidenceBroken):
        check()


@pytest.mark.parametrize(
    "change", ["nodes = 'junk'", "nodes = ''", "nodes = replace(nodes, 'a', 'b')"]
)
def test_no_proof_is_made_of_nodes_that_were_changed(home, change) -> None:
    sql(home, f"UPDATE remit_record SET {change} WHERE run <> 'durand-main'")

    with pytest.raises(EvidenceBroken, match=r"tree"):
        make_bundle(ledger_at(home), "durand-main", signer=None)


def test_edge_that_leads_to_the_signed_root_by_other_subtrees_is_not_built_upon(
    history, home
) -> None:
    root = Checkpoint.unverified(ledger_at(home).checkpoint(), "it").root
    sql(home, f"UPDATE remit_log SET frontier = '{root}'")
    deployment = history.world.deployment()
    log = EvidenceLog(ledger_at(home), deployment.log.signer, history.world.clock)

    with pytest.raises(EvidenceBroken, match="the tree's edge"):
        log.append("durand-new", "opened", {}, "me", step=0)


# --- through the command line ---------------------------------------------------------------------


def test_tampered_log_exits_5_and_says_where(history, home, monkeypatch, capsys) -> None:
    sql(home, "UPDATE remit_record SET body = replace(body, 'LYO1', 'LYO3') WHERE seq = 2")
    for name, value in history.world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMIT_HOME", str(home))
    key = str(history.world.root / "processor" / "keys" / "processor.pem.pub")

    assert main(["evidence", "verify", "--all", "--key", key]) == 5
    assert "evidence broken at record 2: it was changed" in capsys.readouterr().err
    assert main(["evidence", "verify", "--all", "--key", key, "--json"]) == 5
    assert "record 2" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_step_on_a_tampered_log_is_not_taken(history, home, monkeypatch, capsys) -> None:
    sql(home, "UPDATE remit_record SET body = '[' WHERE run = 'durand-interrupted'")
    for name, value in history.world.environment.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(history.world.root / "processor" / "keys", home / "keys")
    monkeypatch.setenv("REMIT_HOME", str(home))

    assert main(["confirm", "durand-interrupted"]) == 5
    assert "no longer well formed" in capsys.readouterr().err
