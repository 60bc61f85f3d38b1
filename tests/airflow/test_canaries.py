"""A value planted in every column of every type shows nowhere but at the target, whatever comes of a run.

Looked for in all that a migration through Airflow leaves behind: what tasks log and what libraries
would at their most talkative, Airflow's home with its metadata database, evidence as it is kept,
shown and exported, staging, keys and the landing zone.
"""

from __future__ import annotations

import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.dataset
import pytest
from airflow.sdk.exceptions import AirflowException

from remit import cli
from remit.adapters.gx import GxJudge
from remit.custody import ORPHANS, Story, stories
from remit.ports import Rule
from remit.testing import planted
from remit.testing.canaries import find_planted
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World

pytestmark = pytest.mark.slow

ROWS = 60
TRACES = [*planted.traces(ROWS)]
LEAK = "86753097"
"""What the values start with that a test changes in the source."""

VALUES, COLUMN = "expect_column_values_to_", "expect_column_"
[FIRST] = planted.rows(1)
LABELS = [row[3] for row in planted.rows(ROWS)]
LOWEST = {
    "whole": FIRST[0],
    "amount": 86_753_092.0,
    "ratio": 86_753_093.0,
    "day": "1731-04-01",
    "moment": "1732-05-01T00:00:00",
    "instant": "1733-06-01T00:00:00Z",
}
TEXTS = ("label", "ident", "remarks")


def rule(kind: str, column: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{kind}-{column}", "type": kind, "kwargs": {"column": column} | more}


def ordered(bound: str) -> list[dict[str, Any]]:
    """Rules that hold when the lowest value is the least allowed, and not when it is the most."""
    kinds = (VALUES + "be_between", COLUMN + "max_to_be_between")
    return [rule(kind, c, **{bound: low}) for kind in kinds for c, low in LOWEST.items()]


PASSING = [
    *(rule(VALUES + "not_be_null", column) for column in planted.COLUMNS),
    # Not of days, which repeat, and not of a boolean: there are two of them, and more rows.
    *(rule(VALUES + "be_unique", c) for c in planted.COLUMNS if c not in ("day", "flag")),
    *(
        rule(VALUES + "match_regex", c, regex=f"8675309{n}")
        for c, n in zip(TEXTS, "456", strict=True)
    ),
    rule(VALUES + "be_in_set", "label", value_set=LABELS),
    *ordered("min_value"),
]
FAILING = [
    *(rule(VALUES + "be_null", column) for column in planted.COLUMNS),
    *(rule(VALUES + "be_unique", column) for column in ("day", "flag")),
    *(rule(VALUES + "not_match_regex", c, regex=f"8675309{n}") for c, n in zip(TEXTS, "456", strict=True)),
    rule(VALUES + "not_be_in_set", "label", value_set=LABELS),
    rule(COLUMN + "distinct_values_to_be_in_set", "label", value_set=LABELS[:1]),
    *ordered("max_value"),
]  # fmt: skip


class Listener(logging.Handler):
    """Writes down all that it is told, with tracebacks and arguments."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.DEBUG)
        self.path = path
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        with self.path.open("a", encoding="utf-8") as file:
            print(self.format(record), repr(record.args), file=file)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    """Hears every logger at DEBUG, those too that hand nothing on."""
    there = [Rule("there", COLUMN + "to_exist", {"column": "a"})]
    GxJudge().judge(pyarrow.dataset.dataset(pa.table({"a": ["b"]})), there)  # makes the loggers
    listening = Listener(tmp_path / "debug.log")
    names = [None, *logging.root.manager.loggerDict, "adbc_driver_manager", "duckdb"]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(listening)
        logger.setLevel(logging.DEBUG)
    yield listening
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(listening)
        logger.setLevel(level)


class Searched:
    """A world with canaries, and the search of all that its run left behind."""

    def __init__(
        self, world: World, listener: Listener, capfd: Any, airflow_home: Callable[[], Path]
    ) -> None:
        self.world, self._listener, self._capfd = world, listener, capfd
        self._airflow_home = airflow_home

    @property
    def story(self) -> Story:
        [story] = stories(self.world.deployment().log.records())
        return story

    def outcomes(self, kind: str) -> dict[str, dict[str, Any]]:
        [table] = self.story.last(kind)["report"]["tables"]
        return {verdict["rule"]: verdict for verdict in table["verdicts"]}

    def change(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.world.root / "lis.sqlite")) as lis, lis:
            assert lis.execute(sql, values).rowcount == 1

    def require_nothing_told(self, *told: str) -> str:
        """Look everywhere, and give what the tasks logged."""
        folder = self.world.root / "told"
        folder.mkdir()
        output = "".join(self._capfd.readouterr())
        (folder / "output").write_text(output)
        (folder / "more").write_text("\n".join(told))
        bundle = str(folder / "run.remit.zip")
        for command in (
            ["evidence", "show", self.story.run, "--json"],
            ["evidence", "show", self.story.run],
            ["evidence", "export", self.story.run, "--out", bundle],
            ["record", "--json"],
        ):
            assert cli.main(command) == 0, command
        (folder / "shown").write_text("".join(self._capfd.readouterr()))
        assert (folder / "shown").stat().st_size > 1000
        assert self._listener.names >= {"sqlalchemy"}
        places = [folder, self._listener.path, self._airflow_home(), self.world.landing_path]
        places += [self.world.root / "processor"]
        assert {path for path, _ in find_planted(places, TRACES)} == set()
        # So that none above means none: where the values come from they are found.
        assert find_planted([self.world.root / "lis.sqlite"], TRACES)
        return output


@pytest.fixture
def canaries(
    connected: Callable[..., World],
    listener: Listener,
    airflow_home: Callable[[], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., Searched]:
    def make(rules: list[dict[str, Any]], treatment: str = "count") -> Searched:
        include = tmp_path / "world" / "include"
        world = connected(planted.instructing(include, rules, treatment))
        planted.write_sqlite(world.root / "lis.sqlite", ROWS)
        return Searched(world, listener, capfd, airflow_home)

    return make


def test_a_run_that_passes_to_its_deletion(
    canaries: Callable[..., Searched],
    run_dag: Callable[[str], Any],
    start_target: Callable[[World], None],
) -> None:
    searched = canaries(PASSING)
    start_target(searched.world)
    assert run_dag("quick_migration").state == "success"
    assert all(verdict["success"] for verdict in searched.outcomes("validated").values())
    assert run_dag("remit_deletion").state == "success"
    assert searched.story.has("deleted")
    stray = searched.world.deployment().staging.root / TRACES[0] / "results"
    stray.parent.mkdir()
    stray.touch()
    theirs = searched.world.landing_path / f"{TRACES[0]}.csv"
    theirs.touch()
    assert run_dag("remit_sweep").state == "success"
    [found] = searched.world.deployment().log.records(ORPHANS)
    assert {one["why"] for one in found.data["found"]} == {"stranger"}
    assert len(found.data["found"]) == 2
    for path in (stray, theirs):  # their names are no trace of ours
        path.unlink()
    stray.parent.rmdir()
    searched.require_nothing_told()
    assert find_planted([searched.world.target.database], TRACES)


def test_rules_that_fail(canaries: Callable[..., Searched], run_dag: Callable[[str], Any]) -> None:
    searched = canaries(FAILING)
    assert run_dag("quick_migration").state == "failed"
    verdicts = searched.outcomes("invalid")
    for one in FAILING:
        assert (verdicts[one["id"]]["success"], verdicts[one["id"]]["error"]) == (False, False), one
    assert "Failed validation:" in searched.require_nothing_told()


def test_rules_that_raise(
    canaries: Callable[..., Searched],
    run_dag: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sqlalchemy.engine.default import DefaultDialect

    execute = DefaultDialect.do_execute

    def boom(self: Any, cursor: Any, *arguments: Any, **more: Any) -> Any:
        if type(cursor).__module__ == "remit.adapters.gx.engine":
            raise ValueError(str(FIRST)) from KeyError(*FIRST)
        return execute(self, cursor, *arguments, **more)

    monkeypatch.setattr(DefaultDialect, "do_execute", boom)
    searched = canaries(PASSING)
    assert run_dag("quick_migration").state == "failed"
    assert any(verdict["error"] for verdict in searched.outcomes("invalid").values())
    assert "could not be judged" in searched.require_nothing_told()


CHANGES = {
    "whole": f"{LEAK}.5",
    "amount": f"{LEAK}123456",
    "ratio": f"{LEAK} x",
    "ident": f"{LEAK}-not-a-uuid",
    "day": f"1731-04-31 {LEAK}",
    "moment": f"1732-05-01 25:00:00 {LEAK}",
    "instant": f"1733-06-01T00:00:00 {LEAK}",
    "flag": f"{LEAK} true",
}
LEAVING = {
    "value-not-of-type": (f"UPDATE canaries SET moment = '{CHANGES['moment']}'", "count"),
    "column-credential": (f"UPDATE canaries SET label = 'mot de passe : {LEAK}hunter'", "count"),
    "free-text-identifies": (f"UPDATE canaries SET remarks = '{LEAK}@canari.example'", "stop"),
}
ONE = " WHERE whole = (SELECT max(whole) FROM canaries)"


@pytest.mark.parametrize("code", LEAVING)
def test_a_row_that_may_not_leave(
    code: str, canaries: Callable[..., Searched], run_dag: Callable[[str], Any]
) -> None:
    change, treatment = LEAVING[code]
    searched = canaries(PASSING, treatment)
    searched.change(change + ONE)
    assert run_dag("quick_migration").state == "failed"
    assert searched.story.last("refused")["refusal"]["code"] == code
    assert f"Refused by the rule {code}." in searched.require_nothing_told()
    assert searched.world.deployment().staging.list(searched.story.run) == []


def everything_of(error: BaseException) -> str:
    """All that could be printed of an exception; there is none that it came of."""
    assert error.__cause__ is None
    assert error.__context__ is None
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("column", CHANGES)
def test_a_value_that_does_not_fit_its_declared_type(
    column: str, canaries: Callable[..., Searched], tasks: dict[str, Any], context: Any
) -> None:
    searched = canaries(PASSING)
    tasks["plan"].execute(context)
    searched.change(f"UPDATE canaries SET {column} = ?" + ONE, CHANGES[column])
    with pytest.raises(AirflowException) as caught:
        tasks["extract"].execute(context)
    assert f"canaries.{column}" in str(caught.value)
    searched.require_nothing_told(everything_of(caught.value))


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


# The server's own words hold the value that it could not turn into the type.
VIEWS = {
    "whole": "label::bigint",
    "amount": "remarks::numeric(15,4)",
    "ratio": "ident::text::double precision",
    "day": "label::date",
    "instant": "remarks::timestamptz",
    "flag": "label::boolean",
    "ident": "remarks::uuid",
}


@pytest.mark.parametrize("column", VIEWS)
def test_what_a_database_says_of_a_value_when_it_fails(
    column: str,
    cluster: PostgresCluster,
    canaries: Callable[..., Searched],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = cluster.create_database(f"lis_{column}")
    planted.write_postgres(url, ROWS)
    searched = canaries(PASSING)
    monkeypatch.setenv("AIRFLOW_CONN_DURAND_LIS", url)
    tasks["plan"].execute(context)
    others = ", ".join(c for c in (*planted.COLUMNS, "withheld") if c != column)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"ALTER TABLE canaries RENAME TO kept; CREATE VIEW canaries AS "
            f"SELECT {others}, {VIEWS[column]} AS {column} FROM kept"
        )
    with pytest.raises(AirflowException) as caught:
        tasks["extract"].execute(context)
    assert find_planted([cluster.log], TRACES)  # the server did say it
    searched.require_nothing_told(everything_of(caught.value))
