"""The record as tables, CSV and PDF: complete, the same bytes for the same evidence, and never active."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pypdf
import pytest
import typst

from remit import canonical
from remit.cli import main
from remit.custody.briefs import KINDS
from remit.custody.processing_record import Extent, Standing
from remit.errors import EvidenceBroken, Unavailable, UsageError
from remit.evidence import Checkpoint, Ledger, timestamp
from remit.instruction.plain_language import Language
from remit.ports import Rule, Verdict
from remit.reports import TABLES, Report, audit_report, csv_bytes, pdf_bytes, table_named
from remit.reports.csv_form import cell
from remit.reports.printable import SHOWN, printable
from remit.reports.tables import STATES
from remit.testing.world import World, by
from remit.wiring import open_ledger

ENGLISH, FRENCH = Language.ENGLISH, Language.FRENCH
HOSTILE = '=HYPERLINK("http://evil.example","Αθήνα, Москва 中文 \u202e #import *x* <b>")'
CAMILLE = "camille.moreau@migrations.example"
NAME = "Camille Moreau"


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
    """A run that is deleted, one that was held, released and held again, one that is only staged; an
    orphan that was swept and one that is there; two alerts."""
    root = tmp_path_factory.mktemp("reports")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    made = World(root)

    def edit(fields: dict[str, Any]) -> None:
        fields["recipients"][0]["legal_name"] = HOSTILE

    done = made.open_run("durand-done", edit)
    made.deliver(done, RowCounter())
    made.ingest(done)
    assert done.confirm(made.landing()) is True
    assert done.delete(made.landing) is True
    made.clock.advance(days=1)
    held = made.open_run("durand-held", edit)
    made.deliver(held, RowCounter())
    until = made.clock() + timedelta(days=20)
    held.hold(by(CAMILLE), "-1+cmd|' /C calc'!A0", until)
    held.release(by(CAMILLE), "The laboratory has answered")
    held.hold(by(CAMILLE), "A patient asked for access", until)
    staged = made.open_run("durand-staged", edit)
    for name, step in made.steps(staged, RowCounter()).items():
        if name in ("plan", "extract"):
            step()
    _registers(made)
    return made


def _registers(world: World) -> None:
    log = world.deployment().log
    orphan = {"place": "staging", "files": 2, "size": 7, "oldest": None, "why": "unrecorded"}
    gone, there = orphan | {"name": "durand-aaaaaaaaaaaaa"}, orphan | {"name": "durand-done"}
    for kind, name, found in (
        ("orphans", "found", [gone, there]),
        ("orphans", "found", [there]),
        ("swept", "removed", [gone]),
    ):
        log.append("register:orphans", kind, {name: found}, "test", step=None)
    person = {"name": "Camille Moreau", "account": "camille", "reason": "It was me"}
    alert = {
        "kind": "refusal",
        "severity": "high",
        "about": "run durand-held",
        "run": "durand-held",
    }
    for name in ("a" * 16, "b" * 16):
        data = alert | {"alert": name, "controllers": ["durand"], "message": "m", "way_out": "w"}
        log.append("register:alerts", "alerted", data, "test", step=None)
    told = {"alert": "a" * 16, "told": True}
    log.append("register:alerts", "escalated", told, "test", step=None)
    until = timestamp(world.clock() + timedelta(days=7))
    acknowledged = person | {"alert": "a" * 16, "until": until}
    log.append("register:alerts", "acknowledged", acknowledged, "test", step=None)
    log.append("register:alerts", "closed", person | {"alert": "b" * 16}, "test", step=None)


@pytest.fixture
def ledger(world: World) -> Ledger:
    return open_ledger(world.settings)


@pytest.fixture
def report(world: World, ledger: Ledger) -> Report:
    return audit_report(ledger, world.clock())


def keyed(rows: list[dict[str, Any]], key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}


# --- what the tables hold -------------------------------------------------------------------------


def test_runs_say_what_left_to_whom_and_when(world: World, report: Report) -> None:
    runs = keyed(report.rows["runs"], "run")
    records = world.deployment().log.records("durand-done")
    [extracted] = [record.data for record in records if record.kind == "extracted"]
    receipt = next(r.data["receipt"] for r in records if r.kind == "confirmed")

    assert list(runs) == ["durand-done", "durand-held", "durand-staged"]
    done = runs["durand-done"]
    assert done["rows"] == sum(file["rows"] for file in extracted["files"])
    assert (done["tables"], done["columns"], done["level"]) == (2, 17, "L3")
    assert done["recipients"] == [HOSTILE]
    assert done["receipt"] == canonical.sha256(receipt.encode())
    assert runs["durand-staged"]["recipients"] == []
    assert (done["state"], runs["durand-held"]["state"]) == ("deleted", "held")


def test_erasures_have_their_certificate_or_say_why_not(world: World, report: Report) -> None:
    erasures = keyed(report.rows["erasures"], "run")
    deleted = next(
        r.data for r in world.deployment().log.records("durand-done") if r.kind == "deleted"
    )

    assert {run: row["state"] for run, row in erasures.items()} == {
        "durand-done": "deleted", "durand-held": "held", "durand-staged": "pending",
    }  # fmt: skip
    assert erasures["durand-done"]["certificate"] == canonical.sha256(
        deleted["certificate"].encode()
    )
    assert erasures["durand-done"]["copies"] == deleted["copies"]


def test_what_is_overdue_is_so_at_the_time_asked_for(world: World, ledger: Ledger) -> None:
    later = audit_report(ledger, world.clock() + timedelta(days=8))
    much_later = audit_report(ledger, world.clock() + timedelta(days=21))

    assert keyed(later.rows["erasures"], "run")["durand-staged"]["state"] == "overdue"
    assert keyed(later.rows["erasures"], "run")["durand-held"]["state"] == "held"
    assert keyed(much_later.rows["erasures"], "run")["durand-held"]["state"] == "overdue"
    assert [row["state"] for row in much_later.rows["holds"]] == ["ended", "expired"]


def test_holds_say_who_and_why_and_who_ended_them(report: Report) -> None:
    first, second = report.rows["holds"]

    assert (first["state"], first["person"], first["ended_by"]) == ("ended", NAME, NAME)
    assert first["ended_because"] == "The laboratory has answered"
    assert (second["state"], second["ended_at"]) == ("in-force", None)


def test_orphans_are_listed_once_and_what_was_swept_has_its_time(report: Report) -> None:
    gone, there = report.rows["orphans"]

    assert (gone["name"], there["name"]) == ("durand-aaaaaaaaaaaaa", "durand-done")
    assert gone["removed_at"] is not None
    assert there["removed_at"] is None
    assert gone["why"] == "the evidence has no run that was to put this here"


def test_alerts_say_who_acknowledged_and_are_open_again_when_that_ran_out(
    world: World, ledger: Ledger, report: Report
) -> None:
    alerts = keyed(report.rows["alerts"], "alert")
    assert (alerts["a" * 16]["state"], alerts["a" * 16]["told"]) == ("acknowledged", 1)
    assert alerts["a" * 16]["acknowledged_by"] == "Camille Moreau"
    assert (alerts["b" * 16]["state"], alerts["b" * 16]["closed_because"]) == (
        "closed",
        "It was me",
    )
    later = audit_report(ledger, world.clock() + timedelta(days=7))
    assert keyed(later.rows["alerts"], "alert")["a" * 16]["state"] == "open"


def test_a_period_leaves_out_what_is_done_and_never_what_is_not(
    world: World, ledger: Ledger
) -> None:
    at = world.clock()
    later = audit_report(ledger, at, Extent(start=at + timedelta(days=1)))
    first_day = audit_report(ledger, at, Extent(until=at - timedelta(hours=12)))

    assert later.rows["runs"] == later.rows["holds"] == []
    assert [row["run"] for row in later.rows["erasures"]] == ["durand-held", "durand-staged"]
    assert [row["alert"] for row in later.rows["alerts"]] == ["a" * 16]
    assert [row["run"] for row in first_day.rows["runs"]] == ["durand-done"]


def test_another_controller_sees_nothing_of_it(world: World, ledger: Ledger) -> None:
    other = audit_report(ledger, world.clock(), Extent(controller="martin"))
    own = audit_report(ledger, world.clock(), Extent(controller="durand"))

    assert other.processors == []
    assert all(rows == [] for rows in other.rows.values())
    assert [row["name"] for row in own.rows["orphans"]] == ["durand-done"]
    assert len(own.rows["runs"]) == 3


def test_it_names_the_checkpoint_that_it_was_made_of(ledger: Ledger, report: Report) -> None:
    checkpoint = Checkpoint.unverified(ledger.checkpoint() or b"", "it")

    assert (report.log, report.size, report.root) == (ledger.name, checkpoint.size, checkpoint.root)


def test_whatever_a_run_or_an_instruction_is_has_words() -> None:
    assert {*KINDS} - {"received"} <= STATES.keys()
    assert {*get_args(get_type_hints(Standing)["state"])} <= STATES.keys()


def test_every_row_has_the_columns_of_its_table_and_no_other(report: Report) -> None:
    for table in TABLES:
        assert report.rows[table.name], table.name
        for row in report.rows[table.name]:
            assert row.keys() == {column.key for column in table.columns}, table.name
        states = {row["state"] for row in report.rows[table.name] if "state" in row}
        assert states <= STATES.keys()


def test_a_damaged_record_is_not_told_around(make_world: Any) -> None:
    world = make_world("damaged")
    world.open_run()
    log = world.deployment().log
    log.append("register:alerts", "alerted", {"alert": "a" * 16}, "test", step=None)
    with pytest.raises(EvidenceBroken, match="record"):
        audit_report(log.ledger, world.clock())


# --- CSV ------------------------------------------------------------------------------------------


def read(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_has_every_row_and_no_cell_that_a_spreadsheet_executes(report: Report) -> None:
    for table in TABLES:
        rows = read(csv_bytes(table, report.rows[table.name]))
        assert len(rows) == len(report.rows[table.name])
        for row in rows:
            assert not any(
                value.lstrip()[:1] in set("=+-@\t\r\uff1d") for value in row.values() if value
            )
    [done, *_] = read(csv_bytes(table_named("runs"), report.rows["runs"]))
    assert done["recipients"].startswith("'=HYPERLINK(")
    assert "Москва" in done["recipients"]
    [first, _] = read(csv_bytes(table_named("holds"), report.rows["holds"]))
    assert first["reason"] == "'-1+cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (7, "7"), (["a", "b"], "a; b"), ("a=b", "a=b"), (" =1", "' =1"), ("\uff1d1", "'\uff1d1"),
        ("\t=1", "'\ufffd=1"), ("\r\n@SUM", "'\ufffd\ufffd@SUM"), ("+33 1", "'+33 1"), ("a\nb", "a\ufffdb"),
    ],
)  # fmt: skip
def test_cells(value: Any, shown: str) -> None:
    assert cell(value) == shown


# --- PDF ------------------------------------------------------------------------------------------


def text_of(data: bytes) -> list[str]:
    """Each page's text, without the places at which lines may be broken."""
    found = pypdf.PdfReader(io.BytesIO(data)).pages
    return [re.sub(r"\s+", " ", page.extract_text().replace("\u200b", "")) for page in found]


@pytest.mark.parametrize("language", list(Language))
def test_pdf_is_tagged_titled_and_has_the_checkpoint_on_every_page(
    report: Report, language: Language
) -> None:
    data = pdf_bytes(report, language)
    document = pypdf.PdfReader(io.BytesIO(data))
    root: Any = document.trailer["/Root"]

    assert root["/Lang"] == language.value
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712  (its own kind of boolean)
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert document.metadata is not None
    assert document.metadata.title in text_of(data)[0]
    assert b"pdfuaid" in data
    pages = text_of(data)
    for number, page in enumerate(pages, start=1):
        assert report.root in page
        assert f"{number} / {len(pages)}" in page


def test_pdf_holds_what_the_tables_hold_and_hostile_text_as_text(report: Report) -> None:
    text = "".join(text_of(pdf_bytes(report, FRENCH))).replace(" ", "")

    for row in report.rows["runs"]:
        assert row["run"] in text
    certificate = keyed(report.rows["erasures"], "run")["durand-done"]["certificate"]
    assert certificate in text
    assert "Camille" in text
    assert "Αθήνα,Москва[U+4E2D][U+6587][U+202E]#import*x*<b>" in text


def test_the_same_evidence_and_time_give_the_same_bytes(world: World, ledger: Ledger) -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    one, two = (pdf_bytes(audit_report(ledger, at), ENGLISH) for _ in range(2))

    assert one == two
    assert one != pdf_bytes(audit_report(ledger, at + timedelta(days=1)), ENGLISH)


def test_every_character_that_is_shown_is_in_the_font() -> None:
    template = (
        b'#set document(title:"t")\n#set text(lang:"en",font:"Libertinus Serif",fallback:false)\n'
        b"#sys.inputs.d"
    )
    shown = " ".join(sorted(SHOWN))
    typst.compile(
        template, ignore_system_fonts=True, sys_inputs={"d": shown}, pdf_standards=["ua-1"]
    )
    with pytest.raises(typst.TypstError):
        typst.compile(
            template, ignore_system_fonts=True, sys_inputs={"d": "\u4e2d"}, pdf_standards=["ua-1"]
        )


def test_what_the_font_has_not_is_seen() -> None:
    assert printable("e\u0301\u00ad \u200f\x1b[1m") == "é[U+00AD] [U+200F][U+001B][1m"
    assert printable("\u4e2d") == "[U+4E2D]"


def test_too_many_runs_ask_for_a_period(report: Report) -> None:
    with pytest.raises(UsageError, match="period"):
        pdf_bytes(report, ENGLISH, most=2)


# --- the command ----------------------------------------------------------------------------------


def test_command(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    file, at = tmp_path / "report.pdf", ["--at", "2027-01-01T00:00:00Z"]
    assert main(["record", "--format", "pdf", "--out", str(file), "--language", "fr", *at]) == 0
    assert "Traitements pour le compte" in text_of(file.read_bytes())[0]
    assert main(["record", "--format", "csv", "--table", "erasures", "--out", str(file)]) == 0
    assert len(read(file.read_bytes())) == 3
    capsys.readouterr()
    assert main(["record", "--format", "csv", "--until", "2020-01-01T00:00:00Z"]) == 0
    assert capsys.readouterr().out.startswith("\ufeffrun,controllers,")
    assert main(["record", "--format", "json", "--table", "orphans"]) == 0
    assert len(json.loads(capsys.readouterr().out)["orphans"]) == 2
    assert main(["record", "--controller", "martin", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["controllers"] == []
    for wrong in (
        ["--format", "pdf"], ["--table", "runs"], ["--out", str(file)],
        ["--format", "pdf", "--table", "runs", "--out", str(file)],
    ):  # fmt: skip
        assert main(["record", *wrong]) == 2


def test_no_value_of_a_patient_is_in_any_form(world: World, report: Report) -> None:
    told = json.dumps(report.as_json()) + "".join(text_of(pdf_bytes(report, FRENCH)))
    told += "".join(csv_bytes(table, report.rows[table.name]).decode() for table in TABLES)
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        patients = {str(row[0]) for row in database.execute("SELECT patient_id FROM results")}

    assert patients.isdisjoint(re.findall(r"[\w-]+", told))


def test_a_report_that_cannot_be_set_is_an_error_of_ours_without_its_text(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.reports.pdf.printable", lambda text: text)
    with pytest.raises(Unavailable, match="shorter period") as caught:
        pdf_bytes(report, ENGLISH)  # the font has no 中
    assert "中" not in str(caught.value)
    assert caught.value.__cause__ is None
