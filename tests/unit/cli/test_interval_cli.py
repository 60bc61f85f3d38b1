"""`remit plan` and `remit run` for one night: what --interval takes, and what comes of it."""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from remit.adapters.folder import FolderStore
from remit.cli import main
from remit.cli.interval import read_interval
from remit.errors import Unavailable
from remit.ports import Rule, Verdict
from remit.receive import Delivery
from remit.testing.world import World

pytestmark = pytest.mark.slow

NIGHT = "2024-03-05T02:00:00+01:00/2024-03-06T02:00:00+01:00"
NEXT = "2024-03-06T02:00:00+01:00/2024-03-07T02:00:00+01:00"
JSON = {"start": "2024-03-05T01:00:00Z", "end": "2024-03-06T01:00:00Z"}


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


def by_night(fields: dict[str, Any]) -> None:
    results, history = (table["rows"]["window"] for table in fields["tables"])
    results |= {"per_run": "data_interval", "timezone": "Europe/Paris"}
    history["per_run"] = "data_interval"


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in out + err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Remit = Callable[..., Ran]


@pytest.fixture
def laboratory(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose rows lie in two nights, with an instruction by night."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    for module in ("plan", "runs"):
        monkeypatch.setattr(f"remit.cli.{module}.open_judge", RowCounter)
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        day = "date('2024-03-05', (rowid % 2) || ' days')"
        database.execute(f"UPDATE results SET result_date = {day}")
        database.execute(f"UPDATE observation_history SET observed_at = {day} || 'T12:00:00Z'")
    world.instruct(by_night)
    return world


@pytest.fixture
def remit(laboratory: World, capsys: pytest.CaptureFixture[str]) -> Remit:
    def run(command: str, *arguments: object) -> Ran:
        file = laboratory.root / "include" / "instructions" / "durand.yaml"
        given = [command, str(file), "--source", laboratory.source_url, *map(str, arguments)]
        if command == "run":
            given += ["--landing", str(laboratory.landing_path)]
        code = main(given)
        return Ran(code, *capsys.readouterr())

    return run


def rows_of(world: World, day: str) -> int:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        rule = f"result_date = '{day}' AND site_code IN ('LYO1', 'LYO2')"
        (rows,) = database.execute(f"SELECT count(*) FROM results WHERE {rule}").fetchone()
    return int(rows)


# --- the argument ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        NIGHT,
        "2024-03-05T01:00:00Z/2024-03-06T01:00:00Z",
        "2024-03-04T20:00:00-05:00/2024-03-06T06:30:00+05:30",
    ],
)
def test_an_interval_is_two_times_with_offsets(given: str) -> None:
    assert read_interval(given).as_json() == JSON


WRONG = {
    "nothing": "",
    "one time": "2024-03-05T02:00:00+01:00",
    "three times": f"{NIGHT}/2024-03-07T02:00:00+01:00",
    "no offset": "2024-03-05T02:00:00/2024-03-06T02:00:00",
    "an offset on one side": "2024-03-05T02:00:00/2024-03-06T02:00:00+01:00",
    "days": "2024-03-05/2024-03-06",
    "a duration": "2024-03-05T02:00:00+01:00/P1D",
    "parts of a second": "2024-03-05T02:00:00.5+01:00/2024-03-06T02:00:00.5+01:00",
    "a week date": "2024-W10-2T02:00:00+01:00/2024-W10-3T02:00:00+01:00",
    "no such day": "2024-02-30T02:00:00+01:00/2024-03-06T02:00:00+01:00",
    "no such offset": "2024-03-05T02:00:00+25:00/2024-03-06T02:00:00+25:00",
    "before all years": "0001-01-01T00:00:00+14:00/2024-03-06T02:00:00+01:00",
    "after all years": "2024-03-06T02:00:00+01:00/9999-12-31T23:00:00-14:00",
    "other digits": "٢٠٢٤-03-05T02:00:00+01:00/2024-03-06T02:00:00+01:00",
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_what_is_no_interval_is_not_taken(given: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be START/END"):
        read_interval(given)


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_command_line_with_what_is_no_interval_exits_2(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "file", "--source", "url", "--interval", WRONG["days"]])

    assert ended.value.code == 2
    assert "--interval: must be START/END, each such as 2026-" in capsys.readouterr().err


# --- plan -----------------------------------------------------------------------------------------


def test_the_plan_of_a_night_counts_and_asks_for_its_rows_alone(
    laboratory: World, remit: Remit
) -> None:
    ran = remit("plan", "--interval", NIGHT, "--json")

    results, history = ran.json["tables"]
    assert ran.code == 0
    assert ran.json["interval"] == JSON
    assert results["rows_in_scope"] == rows_of(laboratory, "2024-03-05") > 0
    assert "result_date from 2024-03-05 to before 2024-03-06" in results["limits"]
    assert "2024-03-05" in results["sql"]
    assert "2025-01-01" not in results["sql"] + history["sql"]


def test_the_plan_of_a_night_in_words(remit: Remit) -> None:
    ran = remit("plan", "--interval", NIGHT)

    assert ran.code == 0
    assert "Interval  2024-03-05T01:00:00Z to 2024-03-06T01:00:00Z" in ran.out
    assert "Nothing is refused." in ran.out


def test_a_plan_without_the_interval_is_shown_whole_and_refused(
    laboratory: World, remit: Remit
) -> None:
    ran = remit("plan", "--json")

    [refusal] = ran.json["refusals"]
    assert ran.code == 3
    assert refusal["code"] == "interval-missing"
    assert "remit run --interval" in refusal["way_out"]
    both = rows_of(laboratory, "2024-03-05") + rows_of(laboratory, "2024-03-06")
    assert ran.json["tables"][0]["rows_in_scope"] == both


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("2024-03-05T02:00:00+01:00/2024-03-05T01:00:00Z", "interval-empty"),
        ("2024-03-06T02:00:00+01:00/2024-03-05T02:00:00+01:00", "interval-empty"),
        ("2025-03-05T02:00:00+01:00/2025-03-06T02:00:00+01:00", "interval-outside-window"),
    ],
)
def test_a_plan_for_a_wrong_interval_is_refused(remit: Remit, given: str, code: str) -> None:
    ran = remit("plan", "--interval", given, "--json")

    assert ran.code == 3
    assert [refusal["code"] for refusal in ran.json["refusals"]] == [code]


def test_a_plan_records_nothing_and_takes_no_night(laboratory: World, remit: Remit) -> None:
    for _ in range(2):
        assert remit("plan", "--interval", NIGHT).code == 0

    assert laboratory.deployment().log.records() == []


def test_a_plan_says_where_it_would_go(laboratory: World, remit: Remit) -> None:
    place = laboratory.landing_path

    assert remit("plan", "--interval", NIGHT, "--json").json["landing"] is None
    ran = remit("plan", "--interval", NIGHT, "--landing", place, "--json")
    assert (ran.code, ran.json["landing"]) == (0, str(place))
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    ran = remit("plan", "--interval", NIGHT, "--landing", place, "--json")
    assert [refusal["code"] for refusal in ran.json["refusals"]] == ["landing-open"]


def test_a_plan_says_what_differs_from_an_earlier_night(laboratory: World, remit: Remit) -> None:
    assert remit("run", "--interval", NIGHT, "--run", "first-night").code == 0
    with sqlite3.connect(laboratory.root / "lis.sqlite") as database:
        database.execute("ALTER TABLE results ADD COLUMN fasting BOOLEAN")

    ran = remit("plan", "--interval", NEXT, "--since", "first-night", "--json")
    words = remit("plan", "--interval", NEXT, "--since", "first-night").out

    found = {one["where"]: one for one in ran.json["differences"]}
    assert ran.json["since"] == "first-night"
    assert found["interval"]["what"].startswith("was 2024-03-05T01:00:00Z to 2024-03-06T01:00:00Z")
    assert found["results.fasting"]["at_source"] is True
    assert "Different from the plan of run first-night:" in words
    assert "results.fasting is a new column (BOOLEAN), withheld (at the source)" in words


def test_a_plan_for_a_merge_request_is_markdown(remit: Remit) -> None:
    ran = remit("plan", "--interval", NIGHT, "--markdown")

    assert ran.code == 0
    assert ran.out.startswith("#")
    assert "2024-03-05T01:00:00Z" in ran.out
    assert "| " in ran.out


# --- run ------------------------------------------------------------------------------------------


def test_a_run_of_a_night_delivers_it_and_a_second_is_refused(
    laboratory: World, remit: Remit
) -> None:
    ran = remit("run", "--interval", NIGHT, "--json")

    assert ran.code == 0
    delivery = Delivery.open(
        FolderStore(laboratory.landing_path / ran.json["run"]), "", laboratory.settings.trust()
    )
    manifest = delivery.opened.manifest
    assert manifest.interval is not None
    assert manifest.interval.model_dump() == JSON
    assert manifest.files[0].rows == rows_of(laboratory, "2024-03-05")
    again = remit("run", "--interval", NIGHT, "--json")
    assert again.code == 3
    assert again.json["error"]["code"] == "interval-taken"
    assert ran.json["run"] in again.json["error"]["message"]


def test_the_next_night_is_a_run_of_its_own(laboratory: World, remit: Remit) -> None:
    first, second = (remit("run", "--interval", night, "--json") for night in (NIGHT, NEXT))

    assert (first.code, second.code) == (0, 0)
    assert first.json["run"] != second.json["run"]
    assert len(list(laboratory.landing_path.glob("durand*"))) == 2


def test_a_run_without_the_interval_is_refused(laboratory: World, remit: Remit) -> None:
    ran = remit("run", "--json")

    assert ran.code == 3
    assert ran.json["error"]["code"] == "interval-missing"
    assert not list(laboratory.landing_path.glob("*"))


def test_an_interrupted_night_is_gone_on_with_and_another_night_is_not_mistaken_for_it(
    laboratory: World, remit: Remit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("the source", "it does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr("remit.extract.extract", away)
        assert remit("run", "--interval", NIGHT, "--run", "night", "--json").code == 4

    other = remit("run", "--interval", NEXT, "--json")
    same = remit("run", "--interval", NIGHT)

    assert (other.code, same.code) == (0, 0)
    assert other.json["run"] != "night"
    assert "Going on with the unfinished run night." in same.err
    assert (laboratory.landing_path / "night").is_dir()


@pytest.mark.parametrize("command", ["plan", "run"])
def test_interval_that_the_instruction_does_not_ask_for_is_a_mistake(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    file = str(world.instruct())
    landing = ["--landing", str(world.landing_path)]

    code = main([command, file, "--source", world.source_url, *landing, "--interval", NIGHT])

    assert code == 2
    assert "Leave the option out." in capsys.readouterr().err
    assert not world.landing_path.exists()
