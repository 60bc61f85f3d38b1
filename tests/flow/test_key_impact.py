"""`remit keys impact`: what a lost key could open, and what was signed with it, from the evidence alone."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.cli import main
from remit.cli.impact import impact_lines
from remit.custody import Run, impact, revoke, rotate
from remit.evidence import Record, parse_timestamp
from remit.ports import Rule, Verdict
from remit.receive import Delivery, make_receipt
from remit.testing.world import World, by
from remit.wiring import Settings, open_deployment, open_ledger

DOCS = Path(__file__).resolve().parents[2] / "docs"
CAMILLE = "camille.moreau@migrations.example"


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """Three runs: one deleted long ago, one confirmed and deleted since the loss, one delivered.

    The registry's key, which opens one class, and the processor's were in wrong hands since between the
    first and the second; the processor's was rotated at the end.
    """
    root = tmp_path_factory.mktemp("impact")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    made = World(root)
    made.clock.advance(hours=-12)
    registry = signing.new_key("recipient", root / "registry.pem")

    def edit(fields: dict[str, Any]) -> None:
        more = {"legal_name": "Registre", "country": "FR", "categories": ["administrative"]}
        fields["recipients"].append({"name": "registry", "key": str(registry), **more})

    for name in ("durand-1", "durand-2", "durand-3"):
        run = made.open_run(name, edit)
        made.deliver(run, RowCounter())
        if name != "durand-3":
            receive(made, run)
        made.clock.advance(hours=2)
    signing.new_key("signing", root / "next.pem")
    rotate(made.deployment(), signing.load_signer(str(root / "next.pem")), "test")
    return made


def receive(world: World, run: Run) -> None:
    """The target's receipt, by the world's clock; then the deletion."""
    world.clock.advance(minutes=30)
    folder = world.landing_path / run.id
    delivery = Delivery.open(FolderStore(folder), "", world.settings.trust())
    files = delivery.reconcile(signing.load_recipient(str(world.root / "target/recipient.pem")))
    signer = signing.load_signer(str(world.root / "target/receipts.pem"))
    now = world.clock()
    receipt = make_receipt(
        delivery, files, signer, system="kalisil", principal="import", committed=now, now=now
    )
    (folder / "receipt.dsse.json").write_bytes(receipt)
    assert run.confirm(world.landing()) is True
    assert run.delete(world.landing) is True


@pytest.fixture
def of(world: World) -> Callable[..., Any]:
    """The impact of the key in a ``.pub`` file of the world."""

    def go(path: str, **more: Any) -> Any:
        key = signing.load_public(world.root / path).key_id
        return impact(open_ledger(world.settings), key, **more)

    return go


def lost(world: World) -> datetime:
    """Between the end of the first run and the second."""
    return parse_timestamp(recorded(world, "durand-1", "deleted")) + timedelta(minutes=30)


def recorded(world: World, run: str, kind: str) -> str:
    return next(r.at for r in open_ledger_records(world, run) if r.kind == kind)


def open_ledger_records(world: World, run: str) -> list[Record]:
    return [kept.record() for kept in open_ledger(world.settings).kept(run)]


# --- what a recipient's key opens -----------------------------------------------------------------


def test_recipient_of_one_class_could_open_its_columns_alone(world, of) -> None:
    found = of("registry.pem.pub")

    assert [one["run"] for one in found["could_open"]] == ["durand-1", "durand-2", "durand-3"]
    [results, history] = found["could_open"][0]["tables"]
    assert (results["table"], results["columns"]) == ("results", ["patient_id", "site_code"])
    assert (history["table"], history["columns"]) == ("observation_history", ["patient_id"])
    assert results["categories"] == ["administrative"]
    files = world.deployment().log.records("durand-1")
    [extracted] = [r.data["files"] for r in files if r.kind == "extracted"]
    assert {t["table"]: t["rows"] for t in (results, history)} == {
        file["table"]: file["rows"] for file in extracted
    }


def test_it_tells_from_when_to_when_and_what_is_left(world, of) -> None:
    first, _, third = of("registry.pem.pub")["could_open"]

    assert first["from"] == recorded(world, "durand-1", "extracted")
    assert first["until"] == first["deleted_at"] == recorded(world, "durand-1", "deleted")
    assert first["confirmed_at"] == recorded(world, "durand-1", "confirmed")
    assert (third["until"], third["deleted_at"], third["confirmed_at"]) == (None, None, None)
    assert third["deletion_due"] == open_ledger_records(world, "durand-3")[2].data["due"]


def test_what_was_gone_before_the_loss_is_not_counted(world, of) -> None:
    found = of("registry.pem.pub", since=lost(world))

    assert [one["run"] for one in found["could_open"]] == ["durand-2", "durand-3"]
    assert found["gone_before"] == ["durand-1"]
    assert "such copies stay open to the key" in found["not_known"][0]


def test_staging_key_opened_everything_until_it_was_destroyed(world) -> None:
    [extracted] = [r for r in open_ledger_records(world, "durand-3") if r.kind == "extracted"]
    key = signing.PublicKey.parse(extracted.data["staging_key"])

    [one] = impact(open_ledger(world.settings), key.key_id)["could_open"]

    assert one["run"] == "durand-3"
    assert one["until"] == recorded(world, "durand-3", "sealed")
    assert len(one["tables"][0]["columns"]) == 12


# --- what was signed ------------------------------------------------------------------------------


def test_receipt_key(world, of) -> None:
    found = of("target/receipts.pem.pub", since=lost(world))

    assert found["could_open"] == []
    assert [(one["run"], one["suspect"]) for one in found["signed"]["receipts"]] == [
        ("durand-1", False), ("durand-2", True),
    ]  # fmt: skip


def test_controllers_key(world, of) -> None:
    [signed] = of("controller/controller.pem.pub")["signed"]["instructions"]

    assert (signed["id"], signed["version"], signed["also_signed_by"]) == ("durand-2026", 1, [])


def test_processors_key_and_what_stays_provable(world, of) -> None:
    signed = of("processor/keys/processor.pem.pub", since=lost(world))["signed"]

    assert [one["suspect"] for one in signed["manifests"]] == [False, True, True]
    assert [one["suspect"] for one in signed["certificates"]] == [False, True]
    [rotated] = open_ledger_records(world, "register:keys")
    assert (signed["log"]["first_record"], signed["log"]["last_record"]) == (0, rotated.seq - 1)
    assert signed["log"]["in_force"] is False
    assert signed["log"]["held_by_targets"] == 3
    assert signed["log"]["provable"]["run"] == "durand-1"


def test_key_that_was_rotated_to(world, of) -> None:
    log = of("next.pem.pub")["signed"]["log"]

    assert log["first_record"] == log["last_record"]
    assert log["in_force"] is True


# --- how it is told -------------------------------------------------------------------------------


def normal(text: str) -> str:
    """Without what is another each time: ids, times, and the numbers of rows and records."""
    text = re.sub(r"[0-9a-f]{64}", "KEY", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    return text.strip()


def test_worked_example_of_the_docs(world, monkeypatch, capsys) -> None:
    """docs/keys-rotation.md shows what the command prints, word for word."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(world.root / "next.pem"))
    key, since = str(world.root / "registry.pem.pub"), lost(world).isoformat()

    assert main(["keys", "impact", key, "--since", since]) == 0

    page = (DOCS / "keys-rotation.md").read_text()
    [example] = re.findall(r"```text\n(Key .*?)```", page, re.DOTALL)
    assert normal(example) == normal(capsys.readouterr().out)


def test_as_json_and_as_text_for_every_key_and_never_a_value(world, of, monkeypatch, capsys):
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    keys = ["target/recipient.pem", "target/receipts.pem", "processor/keys/processor.pem"]
    for key in [*keys, "controller/controller.pem", "next.pem", "registry.pem"]:
        assert main(["keys", "impact", str(world.root / f"{key}.pub"), "--json"]) == 0
        printed = capsys.readouterr().out
        assert json.loads(printed) == json.loads(json.dumps(of(f"{key}.pub")))
        text = "\n".join(impact_lines(of(f"{key}.pub")))
        assert patients(world).isdisjoint(re.findall(r"[\w-]+", printed + text))


def patients(world: World) -> set[str]:
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        return {str(row[0]) for row in database.execute("SELECT patient_id FROM results")}


def test_key_is_named_in_three_ways(world, monkeypatch, capsys) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    path = world.root / "registry.pem.pub"
    public = signing.load_public(path)
    shown = []
    for name in (str(path), str(public), public.key_id):
        assert main(["keys", "impact", name, "--json"]) == 0
        shown.append(json.loads(capsys.readouterr().out)["key_id"])

    assert shown == [public.key_id] * 3
    assert main(["keys", "impact", public.key_id[:16]]) == 2
    assert main(["keys", "impact", str(public)[:-9]]) == 2


def test_a_revocation_gives_the_time_that_is_looked_from(world, of) -> None:
    """The last test: it adds to the evidence."""
    settings = Settings.from_environment(
        world.environment | {"REMIT_SIGNING_KEY": str(world.root / "next.pem")}
    )
    key = signing.load_public(world.root / "registry.pem.pub").key_id
    deployment = open_deployment(settings, now=world.clock)
    assert revoke(deployment, key, "laptop stolen", by(CAMILLE), lost(world), "test") is True

    found = of("registry.pem.pub")

    assert found["since"] == found["revoked"]["since"]
    assert found["gone_before"] == ["durand-1"]
    assert "Revoked at" in "\n".join(impact_lines(found))
