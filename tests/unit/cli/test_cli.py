"""The command line: its commands, its exit codes, what it prints, and a newcomer's whole way."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.cli import main
from remit.cli.parser import build_parser
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.world import World
from remit.wiring import open_judge

pytestmark = pytest.mark.slow

COMMANDS = {
    "keys new": "KIND OUT",
    "instruction draft": "--source --table",
    "instruction lint": "FILE",
    "instruction sign": "FILE --key",
    "instruction verify": "FILE --trust",
    "plan": "FILE --source",
    "run": "FILE --source --landing",
    "receive": "DELIVERY --key --sign",
    "open": "DELIVERY --key --out",
    "confirm": "RUN",
    "delete": "--due",
    "hold": "RUN --reason --by",
    "evidence show": "RUN",
    "evidence export": "RUN --out",
    "evidence verify": "FILE --all",
}


def leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from leaves(inner, (*path, name))
            return
    yield " ".join(path), parser


PARSERS = dict(leaves(build_parser()))


def test_commands_are_those_of_the_design() -> None:
    assert set(COMMANDS) <= set(PARSERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_its_arguments_and_takes_json(command) -> None:
    actions = PARSERS[command]._actions
    names = {option for action in actions for option in action.option_strings}
    names |= {(action.metavar or action.dest).upper() for action in actions}

    assert {*COMMANDS[command].split(), "--json", "--help"} <= names


@pytest.mark.parametrize("command", [*PARSERS, ""])
def test_every_command_explains_itself(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 50


Remit = Callable[..., "Ran"]


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in out + err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def remit(capsys: pytest.CaptureFixture[str]) -> Remit:
    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def processor(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return world


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sing",
        "keys",
        "keys new",
        "keys new symmetric out",
        "instruction",
        "instruction sign file",
        "run file",
        "run file --source sqlite:///x",
        "delete",
        "hold run",
        "evidence verify",
        "evidence verify --all bundle",
        "evidence export run",
        "receive folder --key key",
        "confirm",
        "confirm run --jsno",
        "hold run --reason r --by me --days many",
    ],
)
def test_command_line_that_cannot_be_read_exits_2(command, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split())

    assert ended.value.code == 2
    assert "usage: remit" in capsys.readouterr().err


USAGE = {
    "no instruction": ["instruction", "lint", "nowhere.yaml"],
    "instruction is a folder": ["instruction", "verify", "."],
    "no key": ["instruction", "sign", "include/instructions/durand.yaml", "--key", "nowhere.pem"],
    "key of an unknown kind": [
        "instruction", "sign", "include/instructions/durand.yaml", "--key", "awskms:x",
    ],
    "unknown source": ["instruction", "draft", "--source", "oracle://user:s3cret@host/db"],
    "source without a file": ["instruction", "draft", "--source", "sqlite://"],
    "connection outside Airflow": ["instruction", "draft", "--source", "conn:lis"],
    "table that is not there": ["instruction", "draft", "--source", "LIS", "--table", "gone"],
    "hold of no days": ["hold", "run", "--reason", "r", "--by", "me", "--days", "0"],
    "hold without end": ["hold", "run", "--reason", "r", "--by", "me", "--days", "366"],
    "run id that is a path": [
        "run", "include/instructions/durand.yaml", "--source", "LIS", "--landing", "landing",
        "--run", "../x",
    ],
    "landing of an unknown kind": [
        "run", "include/instructions/durand.yaml", "--source", "LIS", "--landing", "smb://x",
    ],
    "no bundle": ["evidence", "verify", "nowhere.zip"],
    "no checkpoint": ["evidence", "verify", "--all", "--checkpoint", "nowhere.json"],
    "key that is none": ["evidence", "verify", "--all", "--key", "lis.sqlite"],
    "key that is there already": ["keys", "new", "signing", "controller/controller.pem"],
    "key nowhere": ["keys", "new", "recipient", "no/such/folder/key"],
}  # fmt: skip


@pytest.mark.parametrize("command", USAGE.values(), ids=USAGE)
def test_wrong_argument_exits_2_with_one_sentence(processor, remit, monkeypatch, command) -> None:
    processor.instruct()
    monkeypatch.chdir(processor.root)
    command = [processor.source_url if word == "LIS" else word for word in command]

    plain, machine = remit(*command), remit(*command, "--json")

    assert (plain.code, machine.code) == (2, 2)
    assert plain.out == ""
    assert len(plain.err.strip().splitlines()) == 1
    assert set(machine.json) == {"error"}
    assert machine.json["error"]["message"]
    assert "s3cret" not in plain.err + machine.out


@pytest.mark.parametrize("home", ["", "file/below"])
def test_unwritable_home_is_no_traceback(world, remit, monkeypatch, home) -> None:
    (world.root / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("REMIT_HOME", str(world.root / (home or "file")))

    assert remit("evidence", "show").code in (2, 4)


@pytest.mark.parametrize("ledger", ["mysql://host/db", "evidence.sqlite", "sqlite://"])
def test_ledger_of_an_unknown_kind(processor, remit, monkeypatch, ledger) -> None:
    monkeypatch.setenv("REMIT_LEDGER", ledger)

    assert remit("evidence", "show").code == 2


def test_ledger_in_a_postgresql_that_is_not_there(processor, remit, monkeypatch) -> None:
    monkeypatch.setenv("REMIT_LEDGER", "postgresql://u:s3cret@127.0.0.1:1/evidence")

    ran = remit("evidence", "show")

    assert ran.code == 4
    assert "s3cret" not in ran.out + ran.err


@pytest.mark.parametrize("place", ["envelope is a folder", "folder is gone"])
def test_signature_that_cannot_be_written(processor, remit, place) -> None:
    path = processor.instruct()
    envelope = path.with_name(path.name + ".dsse.json")
    envelope.unlink()
    if place == "envelope is a folder":
        envelope.mkdir()
    else:
        envelope.symlink_to(processor.root / "gone" / "envelope")

    ran = remit("instruction", "sign", path, "--key", processor.root / "controller/controller.pem")

    assert ran.code in (2, 4)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [("landing-open", 3), ("no source", 4), ("damaged ledger", 5)],
)
def test_every_kind_of_error_is_json(processor, remit, spoil, code) -> None:
    path, source = processor.instruct(), processor.source_url
    if spoil == "landing-open":
        processor.landing_path.mkdir()
        processor.landing_path.chmod(0o777)
    elif spoil == "no source":
        source = "sqlite:////nowhere.sqlite"
    else:
        (processor.root / "processor" / "evidence.sqlite").write_bytes(b"no database" * 100)
    command = ["run", path, "--source", source, "--landing", processor.landing_path]

    plain, machine = remit(*command), remit(*command, "--json")

    assert (plain.code, machine.code) == (code, code)
    assert machine.json["error"]["message"]
    assert plain.err


# --- a newcomer's whole way -----------------------------------------------------------------------

ALLOWED = {"result_id": "technical", "loinc_code": "health", "unit": "health"}


def fill_in(drafted: str, root: Path) -> str:
    """What somebody does to the draft of one table, in an editor."""
    for name, category in ALLOWED.items():
        line = re.search(rf"( +)# (- {{name: {name},.*}})", drafted)
        assert line is not None
        filled = line[2].replace("category: ...", f"category: {category}")
        filled = filled.replace("purpose: ...", "purpose: The new system needs it")
        drafted = drafted.replace(line[0], f"{line[1]}{filled}")
    fields = yaml.safe_load(drafted)
    [table] = fields["tables"]
    table["rows"]["window"] |= {"from": "2024-01-01", "to": "2025-01-01"}
    table["rows"]["maximum"] = 10_000
    del table["rows"]["codes"]
    table["rows"]["all_codes"] = "The biologist compares with every earlier analysis of a patient"

    def person() -> dict[str, str]:
        return {"name": "Hélène Durand", "email": "helene@durand.example"}

    key = {path.name: path.read_text().strip() for path in root.glob("*.pub")}
    fields |= {
        "id": "durand-first",
        "controller": {"name": "durand", "legal_name": "Durand SELAS", "contact": person()},
        "processor": {
            "legal_name": "Migrations SA",
            "dpo": person(),
            "contract": "DUR-1",
            "signing_key": key["processor.pem.pub"],
        },
        "subject": "Results of the laboratory in Lyon that moves to a new system",
        "nature": "One extraction from the old system and transfer to the new one",
        "purpose": "Continuity of care after the change of laboratory system in Lyon",
        "data_subjects": ["Patients of the laboratory in Lyon in 2024"],
        "changes": "A new version signed by the laboratory replaces this one",
        "objections": {
            "contact": person(),
            "how": "The processor writes to the contact, and starts no run until it has an answer",
        },
        "retention": fields["retention"]
        | {"backups": "Staging and landing zone are on volumes that no backup job reads"},
        "security": fields["security"] | {"account": {"overprivileged": "warn", "shared": []}},
        "valid": {"from": "2026-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"},
        "contacts": {
            "breach": person(),
            "breach_within": "PT24H",
            "rights": person(),
            "rights_within": "P3D",
            "audit": person(),
            "authorised": [person()],
            "confidentiality": "Each has signed the undertaking annexed to contract DUR-1",
        },
    }
    fields["recipients"] = [
        {
            "name": "kalisil",
            "legal_name": "Kalisil SAS",
            "country": "FR",
            "key": key["recipient.pem.pub"],
            "receipt_key": key["receipts.pem.pub"],
            "categories": ["technical", "health"],
        }
    ]
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)


def test_newcomer_from_draft_to_verified_evidence(
    tmp_path: Path, laboratory_file: Path, remit: Remit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_LEDGER", "REMIT_SIGNING_KEY", "REMIT_INCLUDE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(tmp_path / "processor.pem"))
    source = f"sqlite:///{laboratory_file}"
    printed = []

    def done(*arguments: object) -> Any:
        ran = remit(*arguments, "--json")
        assert ran.code == 0, ran.out
        printed.append(ran.out + ran.err)
        return ran.json

    for kind, name in (
        ("signing", "controller"), ("signing", "processor"),
        ("recipient", "recipient"), ("signing", "receipts"),
    ):  # fmt: skip
        done("keys", "new", kind, f"{name}.pem")
    trusted = tmp_path / "include" / "controllers" / "durand" / "keys"
    trusted.mkdir(parents=True)
    (tmp_path / "include" / "instructions").mkdir()
    shutil.copy("controller.pem.pub", trusted / "controller.pub")

    drafted = done("instruction", "draft", "--source", source, "--table", "results")["draft"]
    file = tmp_path / "durand.yaml"
    file.write_text(drafted)
    assert remit("instruction", "lint", file).code == 3
    file.write_text(fill_in(drafted, tmp_path))
    assert done("instruction", "lint", file) == {"problems": []}
    assert remit("instruction", "verify", file).code == 3
    done("instruction", "sign", file, "--key", "controller.pem")
    assert done("instruction", "verify", file)["id"] == "durand-first"
    assert done("instruction", "verify", file, "--trust", trusted)["controller"] == "durand"

    plan = done("plan", file, "--source", source)
    [table] = plan["tables"]
    assert plan["refusals"] == []
    assert table["allowed"] == list(ALLOWED)
    assert "comment" in table["withheld"]
    assert 0 < table["rows_in_scope"] < table["rows_total"]

    delivered = done("run", file, "--source", source, "--landing", "landing")
    run, folder = delivered["run"], delivered["delivery"]
    assert remit("confirm", run).code == 4
    done("open", folder, "--key", "recipient.pem", "--out", "opened", "--trust", trusted)
    received = done(
        "receive", folder, "--key", "recipient.pem", "--sign", "receipts.pem", "--trust", trusted
    )
    assert received["rows"] == table["rows_in_scope"]
    assert done("confirm", run)["state"] == "confirmed"
    assert done("confirm", run)["state"] == "confirmed"
    assert done("delete", "--due") == {"deleted": [run], "failed": [], "locked": []}
    assert done("delete", "--due") == {"deleted": [], "failed": [], "locked": []}

    story = done("evidence", "show", run)
    assert story["records"][-1]["kind"] == "deleted"
    assert [entry["run"] for entry in done("evidence", "show")["runs"]] == [run]
    done("evidence", "export", run, "--out", "run.remit.zip")
    assert done("evidence", "verify", "run.remit.zip", "--trust", trusted)["run"] == run
    received = 1  # the instruction itself, in the register
    assert done("evidence", "verify", "--all")["records"] == len(story["records"]) + received
    assert done("evidence", "verify", "--all", "--key", "processor.pem.pub")["root"]

    Path("printed").write_text("".join(printed))
    planted = Laboratory(patients=120).planted()
    assert find_planted([tmp_path / "printed", tmp_path / "home"], planted) == []
    assert sorted(path.name for path in Path(folder).iterdir()) == ["receipt.dsse.json"]


def test_runs_are_listed_a_page_at_a_time(processor, remit) -> None:
    log = processor.deployment().log
    for number in range(5):
        log.append(f"durand-{number}", "opened", {}, "me", step=0)

    first = json.loads(remit("evidence", "show", "--limit", "2", "--json").out)
    second = json.loads(remit("evidence", "show", "--before", "durand-3", "--json").out)

    assert [one["run"] for one in first["runs"]] == ["durand-4", "durand-3"]
    assert [one["run"] for one in second["runs"]] == ["durand-2", "durand-1", "durand-0"]
    assert (first["more"], second["more"]) == (True, False)
    assert "--before durand-3" in remit("evidence", "show", "--limit", "2").out
    assert remit("evidence", "show", "--limit", "0").code == 2
    assert remit("evidence", "show", "--before", "nobody").code == 3


def test_the_same_in_words_for_people(processor, remit) -> None:
    file = processor.instruct()

    plan = remit("plan", file, "--source", processor.source_url)
    verified = remit("instruction", "verify", file)
    listed = remit("evidence", "show")

    assert (plan.code, verified.code, listed.code) == (0, 0, 2)
    assert "rows in scope" in plan.out
    assert "stays     2 columns, not in the instruction: sample_id, comment" in plan.out
    assert "Nothing is refused." in plan.out
    assert "is signed by durand" in verified.out
    assert "there is no evidence ledger" in listed.err


def test_plan_of_an_unsigned_draft_is_shown_and_refused(processor, remit) -> None:
    file = processor.instruct()
    file.with_name("durand.yaml.dsse.json").unlink()

    ran = remit("plan", file, "--source", processor.source_url, "--json")

    assert ran.code == 3
    assert [refusal["code"] for refusal in ran.json["refusals"]] == ["instruction-unsigned"]
    assert ran.json["tables"][0]["rows_in_scope"] > 0


def test_second_signature_is_added_and_one_of_an_older_text_is_not_kept(processor, remit) -> None:
    file = processor.instruct()
    second = processor.root / "second.pem"
    remit("keys", "new", "signing", second)
    envelope = file.with_name("durand.yaml.dsse.json")

    assert remit("instruction", "sign", file, "--key", second).code == 0
    assert len(json.loads(envelope.read_bytes())["signatures"]) == 2
    file.write_text(file.read_text() + "# another text\n")
    assert remit("instruction", "sign", file, "--key", second).code == 0
    assert len(json.loads(envelope.read_bytes())["signatures"]) == 1


def test_keyboard_interrupt_is_no_traceback(processor, remit, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("remit.cli.evidence.open_ledger", interrupted)

    assert remit("evidence", "show").code == 130


def test_reader_that_went_away_is_no_traceback(processor, remit, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("remit.cli.evidence.open_ledger", broken)

    assert remit("evidence", "show").code == 0


def test_a_story_in_french(processor, remit) -> None:
    run = processor.open_run()
    run.plan(processor.source(), processor.landing(), open_judge())

    shown = remit("evidence", "show", run.id, "--language", "fr")
    fields = json.loads(remit("evidence", "show", run.id, "--language", "fr", "--json").out)

    assert shown.out.splitlines()[0] == f"Exécution {run.id}"
    assert "Rien n'a été livré. Il n'y a aucune copie à supprimer." in shown.out.splitlines()[1]
    assert shown.out.splitlines()[-1] == fields["next"] == "Ensuite : extraction."
    assert [record["title"] for record in fields["records"]] == ["Demande", "Planifié"]
    assert (fields["language"], fields["suspension"]) == ("fr", [])
    with pytest.raises(SystemExit) as wrong:
        remit("evidence", "show", run.id, "--language", "de")
    assert wrong.value.code == 2
