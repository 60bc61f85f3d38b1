"""The story in order: one run from instruction to deletion, looked at from outside."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.bundle import make_bundle, verify_bundle
from remit.custody import REGISTER, due
from remit.errors import Refused
from remit.receive import Delivery
from remit.testing.canaries import find_planted
from remit.testing.world import World, by
from remit.verification import verify_log
from remit.wiring import open_ledger

RESULTS = (
    "result_id patient_id site_code loinc_code value_numeric value_text unit reference_low "
    "reference_high abnormal result_date validated_at"
).split()


def rows_at_target(world: World, table: str, columns: list[str]) -> list[tuple]:
    names = ", ".join(columns)
    with sqlite3.connect(world.target.database) as database:
        return sorted(database.execute(f"SELECT {names} FROM {table}").fetchall())


def test_run_delivers_exactly_what_was_instructed_and_deletes_every_copy(world: World) -> None:
    run = world.open_run()
    delivery = world.deliver(run)
    world.ingest(run)

    assert run.confirm(world.landing()) is True
    assert run.delete(world.landing) is True

    with sqlite3.connect(world.source_url.removeprefix("sqlite:///")) as source:
        by_hand = source.execute(
            "SELECT result_id, patient_id, site_code, loinc_code, value_numeric, value_text, unit,"
            " reference_low, reference_high, abnormal, result_date,"
            " strftime('%Y-%m-%d %H:%M:%S', validated_at) FROM results"
            " WHERE result_date >= '2024-01-01' AND result_date < '2025-01-01'"
            " AND site_code IN ('LYO1', 'LYO2')"
        ).fetchall()
    arrived = rows_at_target(world, "results", RESULTS)
    assert len(arrived) == len(by_hand) > 50
    assert [row[:4] for row in arrived] == [row[:4] for row in sorted(by_hand)]
    for got, want in zip(arrived, sorted(by_hand), strict=True):
        assert _decimals(got, 4, 7, 8) == _decimals(want, 4, 7, 8)
        assert (got[5], got[6], got[9], got[10]) == (want[5], want[6], want[9], want[10])
        assert (got[11] or "")[:19] == (want[11] or "")[:19]
        assert got[11] is None or got[11].endswith("+00:00")
    assert list(delivery.iterdir()) == [delivery / "receipt.dsse.json"]
    assert FolderStore(world.root / "processor" / "staging").list(run.id) == []
    assert list((world.root / "processor" / "keyring").glob("[!.]*")) == []


def _decimals(row: tuple, *places: int) -> list[Decimal | None]:
    return [
        None if row[p] is None else Decimal(str(row[p])).quantize(Decimal("0.0001")) for p in places
    ]


def test_attribute_value_table_yields_no_other_code(world: World) -> None:
    run = world.open_run()
    world.deliver(run)
    world.ingest(run)

    codes = {row[0] for row in rows_at_target(world, "observation_history", ["code"])}

    assert codes == {"bloodGroup", "smoker", "weightKg"}


def test_types_are_kept(world: World) -> None:
    run = world.open_run()
    folder = world.deliver(run)
    key = signing.load_recipient(str(world.root / "target" / "recipient.pem"))
    delivery = Delivery.open(FolderStore(folder), "", world.settings.trust())
    [entry] = [file for file in delivery.opened.manifest.files if file.table == "results"]

    with delivery.file(entry, key) as opened:
        types = {field.name: str(field.type) for field in opened.schema}

    assert types["value_numeric"] == "decimal128(12, 4)"
    assert types["validated_at"] == "timestamp[us, tz=UTC]"
    assert types["result_date"] == "date32[day]"
    assert types["abnormal"] == "bool"
    assert list(types) == RESULTS


def test_nothing_that_the_processor_wrote_holds_a_planted_string(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    run = world.open_run()
    world.deliver(run)
    staged = list((world.root / "processor" / "staging").rglob("*.parquet"))
    places = [world.root / "processor", world.landing_path, world.root / "include"]

    found = find_planted(places, world.laboratory.planted())

    assert len(staged) == 2
    assert found == []
    printed = world.root / "printed"
    printed.write_text(caplog.text + "".join(capfd.readouterr()))
    assert find_planted([printed], world.laboratory.planted()) == []


def test_after_sealing_the_processor_cannot_read_its_own_files(world: World) -> None:
    run = world.open_run()
    folder = world.deliver(run)

    with pytest.raises(OSError, match=r"(?i)encrypt|magic"):
        pq.read_table(folder / "results.parquet")
    assert not list((world.root / "processor" / "keyring").glob("[!.]*"))


def test_each_step_again_changes_nothing(world: World) -> None:
    run = world.open_run()
    delivery = world.deliver(run)
    before = {path.name: path.read_bytes() for path in delivery.iterdir()}
    steps = len(run.story.records)

    world.deliver(run)

    assert {path.name: path.read_bytes() for path in delivery.iterdir()} == before
    assert len(run.story.records) == steps


def test_unconfirmed_run_is_deleted_at_its_maximum_age(world: World) -> None:
    run = world.open_run()
    delivery = world.deliver(run)
    deployment = world.deployment()
    world.clock.advance(days=6, hours=23)
    assert due(deployment.log, world.clock()) == []

    world.clock.advance(hours=2)
    [obligation] = due(deployment.log, world.clock())
    run.delete(world.landing)

    assert obligation.reason == "maximum age without confirmation"
    assert not delivery.exists()
    assert run.story.last("deleted")["copies"] == 6
    assert due(deployment.log, world.clock()) == []


def test_hold_suspends_deletion_and_expires(world: World) -> None:
    run = world.open_run()
    world.deliver(run)
    world.ingest(run)
    run.confirm(world.landing())
    until = world.clock().replace(microsecond=0)
    world.clock.advance(seconds=2)
    run.hold(by("Camille Moreau"), "an audit", until.replace(year=until.year + 1))

    with pytest.raises(Refused, match="deletion-held"):
        run.delete(world.landing)
    world.clock.advance(days=366)

    assert run.delete(world.landing) is True


def test_evidence_verifies_as_a_whole_and_as_a_bundle(world: World) -> None:
    run = world.open_run()
    world.deliver(run)
    world.ingest(run)
    run.confirm(world.landing())
    run.delete(world.landing)
    ledger = open_ledger(world.settings)
    key = signing.load_public(world.root / "processor" / "keys" / "processor.pem.pub")

    checkpoint = verify_log(ledger, [key])
    signer = signing.load_signer(world.settings.signing_key)
    findings = verify_bundle(make_bundle(ledger, run.id, signer=signer), world.settings.trust())

    register = world.deployment().log.records(REGISTER)
    assert [record.kind for record in register] == ["received"]
    assert checkpoint.size == len(register) + len(run.story.records)
    assert any("certified" in claim for claim in findings.claims())
    assert [record.kind for record in findings.records] == [
        "opened", "planned", "obliged", "extracted", "validated", "sealing", "sealed",
        "delivering", "delivered", "confirmed", "deleting", "deleted",
    ]  # fmt: skip


def test_obligation_is_recorded_before_anything_is_extracted(world: World) -> None:
    run = world.open_run()
    world.deliver(run)

    kinds = [record.kind for record in run.story.records]

    assert kinds.index("obliged") < kinds.index("extracted")


def test_delivery_reads_as_ciphertext_only(world: World) -> None:
    run = world.open_run()
    folder: Path = world.deliver(run)

    for path in folder.glob("*.parquet"):
        data = path.read_bytes()
        assert data[:4] == data[-4:] == b"PARE"
        assert b"loinc" not in data
