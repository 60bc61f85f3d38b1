"""Nightly increments through Airflow: which data interval each kind of DAG run gets, and gives."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from remit.custody import stories
from remit.instruction.interval import Interval
from remit.testing.world import World

DAG_FILE = """
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG, CronDataIntervalTimetable
from remit.operators import ControlledMigration

SCHEDULES = {
    "by_night": CronDataIntervalTimetable("0 2 * * *", timezone="Europe/Paris"),
    "by_plain_cron": "0 2 * * *",
    "by_asset_or_hand": None,
}
for dag_id, schedule in SCHEDULES.items():
    with DAG(dag_id, schedule=schedule, start_date=datetime(2024, 1, 1, tzinfo=UTC), catchup=False):
        ControlledMigration(
            instruction="include/instructions/durand.yaml",
            source_conn_id="durand_lis",
            landing_conn_id="kalisil_landing",
            poke_interval=0.2,
            retries=2,
            retry_delay=timedelta(seconds=1),
        )
"""


@pytest.fixture(autouse=True)
def dag_file() -> Iterator[Path]:
    path = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / "nights.py"
    path.write_text(DAG_FILE)
    yield path
    path.unlink()


@pytest.fixture
def load_dag(database: Path) -> Callable[[str], Any]:
    def load(dag_id: str) -> Any:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
        assert not bag.import_errors
        return bag.dags[dag_id]

    return load


def by_night(fields: dict[str, Any]) -> None:
    results, history = (table["rows"]["window"] for table in fields["tables"])
    results |= {"per_run": "data_interval", "timezone": "Europe/Paris"}
    history["per_run"] = "data_interval"


@pytest.fixture
def laboratory(connected: Callable[..., World]) -> World:
    """A world whose rows lie in the days about the change of clocks in October."""
    world = connected(by_night)
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        day = "date('2024-10-24', (rowid % 6) || ' days')"
        database.execute(f"UPDATE results SET result_date = {day}")
        moment = f"{day} || 'T12:00:00Z'"
        database.execute(f"UPDATE observation_history SET observed_at = {moment}")
    return world


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def made_known(dag: Any) -> None:
    """Has the metadata database know the DAG, as it does once a run of it was tried."""
    assert dag.test(logical_date=None).state == "failed"


def opened(world: World) -> list[dict[str, str] | None]:
    """The interval of each run, in the order of their opening."""
    records = world.deployment().log.records()
    return [record.data["interval"] for record in records if record.kind == "opened"]


def states(dag_run: Any) -> dict[str, tuple[str | None, int]]:
    return {
        instance.task_id.removeprefix("migration."): (instance.state, instance.try_number)
        for instance in dag_run.get_task_instances()
    }


# --- DAG runs -------------------------------------------------------------------------------------


def test_two_nights_that_meet_deliver_their_own_rows(
    laboratory: World, load_dag: Callable[[str], Any], start_target: Callable[[World], None]
) -> None:
    dag = load_dag("by_night")
    for end in ("2024-10-27T01:00:00+00:00", "2024-10-28T01:00:00+00:00"):
        start_target(laboratory)
        assert dag.test(logical_date=moment(end)).state == "success"

    assert opened(laboratory) == [
        {"start": "2024-10-26T00:00:00Z", "end": "2024-10-27T01:00:00Z"},  # 25 hours
        {"start": "2024-10-27T01:00:00Z", "end": "2024-10-28T01:00:00Z"},
    ]
    first, second = stories(laboratory.deployment().log.records())
    with sqlite3.connect(laboratory.root / "lis.sqlite") as database:
        for story, day in ((first, "2024-10-26"), (second, "2024-10-27")):
            (rows,) = database.execute(
                "SELECT count(*) FROM results WHERE result_date = ?"
                " AND site_code IN ('LYO1', 'LYO2')",
                (day,),
            ).fetchone()
            [file] = [f for f in story.last("extracted")["files"] if f["table"] == "results"]
            assert file["rows"] == rows > 0


def test_a_night_that_is_run_twice_is_refused_without_a_retry(
    laboratory: World,
    load_dag: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The button that triggers a run gives it the last night that is complete."""
    from remit.operators import ValidateOperator

    monkeypatch.setattr(ValidateOperator, "step", lambda *_: 1 / 0)  # the night is under way
    dag = load_dag("by_night")
    first = dag.test(logical_date=moment("2024-10-28T01:00:00+00:00"))
    assert states(first)["extract"][0] == "success"
    capfd.readouterr()

    again = dag.test(logical_date=moment("2024-10-28T09:15:00+00:00"))

    assert states(again)["plan"] == ("failed", 1)
    log = capfd.readouterr().out
    assert "Refused by the rule interval-taken." in log
    assert "Where: data interval 2024-10-27T01:00:00Z" in log
    assert len(opened(laboratory)) == 1


@pytest.mark.parametrize(
    ("dag_id", "logical_date", "code"),
    [
        ("by_night", None, "interval-missing"),
        ("by_asset_or_hand", None, "interval-missing"),
        ("by_asset_or_hand", "2024-10-28T01:00:00+00:00", "interval-empty"),
        ("by_plain_cron", None, "interval-missing"),
        ("by_plain_cron", "2024-10-28T01:00:00+00:00", "interval-empty"),
    ],
)
def test_a_run_without_an_interval_fails_at_once_and_its_log_tells_the_way_out(
    laboratory: World,
    load_dag: Callable[[str], Any],
    capfd: pytest.CaptureFixture[str],
    dag_id: str,
    logical_date: str | None,
    code: str,
) -> None:
    dag_run = load_dag(dag_id).test(logical_date=moment(logical_date) if logical_date else None)

    assert dag_run.state == "failed"
    assert states(dag_run)["plan"] == ("failed", 1)
    assert states(dag_run)["extract"] == ("upstream_failed", 0)
    log = capfd.readouterr().out
    assert f"Refused by the rule {code}." in log
    assert re.search("Way out: schedule the DAG with .*CronDataIntervalTimetable", log)
    assert opened(laboratory) == []
    assert not any(laboratory.landing_path.iterdir())


def test_a_backfill_gives_each_night_its_own_interval(
    laboratory: World, load_dag: Callable[[str], Any]
) -> None:
    from airflow.models.backfill import ReprocessBehavior, _create_backfill
    from airflow.models.dagrun import DagRun
    from airflow.sdk.definitions.dag import _run_task
    from airflow.utils.session import create_session

    dag = load_dag("by_night")
    made_known(dag)
    made = _create_backfill(
        dag_id="by_night",
        from_date=moment("2024-03-28T00:00:00+01:00"),
        to_date=moment("2024-04-02T00:00:00+02:00"),
        max_active_runs=1,
        reverse=False,
        dag_run_conf=None,
        triggering_user_name=None,
        reprocess_behavior=ReprocessBehavior.NONE,
    )
    with create_session() as session:
        found = session.query(DagRun).filter(DagRun.backfill_id == made.id)
        runs = found.order_by(DagRun.logical_date).all()
        for dag_run in runs:
            dag_run.dag = dag
            task = dag_run.get_task_instance("migration.plan", session=session)
            task.try_number += 1
            session.commit()
            _run_task(ti=task, task=dag.get_task("migration.plan"))
        given = [Interval(run.data_interval_start, run.data_interval_end) for run in runs]

    assert {run.run_type for run in runs} == {"backfill"}
    assert opened(laboratory) == [interval.as_json() for interval in given]
    assert [interval.as_json()["end"] for interval in given] == [
        "2024-03-29T01:00:00Z",
        "2024-03-30T01:00:00Z",
        "2024-03-31T01:00:00Z",
        "2024-04-01T00:00:00Z",
        "2024-04-02T00:00:00Z",
    ]
    assert all(one.end == following.start for one, following in pairwise(given))


def test_a_run_triggered_through_the_api_has_the_interval_that_it_is_given(
    load_dag: Callable[[str], Any],
) -> None:
    from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(load_dag("by_night")))
    asked = {
        "dag_run_id": "again",
        "logical_date": "2024-03-05T01:00:01Z",
        "data_interval_start": "2024-03-05T01:00:00Z",
        "data_interval_end": "2024-03-06T01:00:00Z",
    }

    given = TriggerDAGRunPostBody.model_validate(asked).validate_context(dag)["data_interval"]

    assert Interval(given.start, given.end).as_json() == {
        "start": "2024-03-05T01:00:00Z",
        "end": "2024-03-06T01:00:00Z",
    }


def test_a_run_triggered_on_airflows_command_line_has_the_last_night_whatever_its_logical_date(
    laboratory: World, load_dag: Callable[[str], Any]
) -> None:
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.utils.types import DagRunTriggeredByType

    made_known(load_dag("by_night"))
    past = moment("2024-03-06T01:00:00+00:00")
    run = trigger_dag("by_night", triggered_by=DagRunTriggeredByType.CLI, logical_date=past)

    age = datetime.now(UTC) - run.data_interval_end
    assert run.logical_date == past
    assert timedelta(0) <= age <= timedelta(hours=25)


# --- timetables -----------------------------------------------------------------------------------


def intervals(timetable: Any, start: str, count: int) -> list[Interval]:
    """What a scheduler that makes up every run since the start gives them."""
    import pendulum
    from airflow.timetables.base import TimeRestriction

    since = TimeRestriction(pendulum.instance(moment(start)), None, catchup=True)
    found: list[Any] = []
    while len(found) < count:
        last = found[-1] if found else None
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=since)
        found.append(info.data_interval)
    return [Interval(one.start, one.end) for one in found]


@pytest.mark.parametrize("cron", ["0 2 * * *", "30 2 * * *", "0 0 * * *", "0 * * * *"])
@pytest.mark.parametrize("zone", ["Europe/Paris", "America/St_Johns", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("start", ["2024-03-07T00:00:00Z", "2024-10-23T00:00:00Z"])
def test_the_intervals_of_a_timetable_meet_also_where_the_clocks_change(
    cron: str, zone: str, start: str
) -> None:
    from airflow.timetables.interval import CronDataIntervalTimetable

    count = 30 * (24 if cron.startswith("0 *") else 1)
    found = intervals(CronDataIntervalTimetable(cron, zone), start, count)

    assert all(one.end == following.start for one, following in pairwise(found))
    assert all(one.start < one.end for one in found)


def test_a_trigger_timetable_with_an_interval_of_a_day_does_not_do() -> None:
    """Its days have 24 hours each, so they overlap in March and leave a gap in October."""
    from airflow.timetables.trigger import CronTriggerTimetable

    days = CronTriggerTimetable(
        "0 2 * * *", timezone="Europe/Paris", interval=timedelta(days=1), run_immediately=False
    )

    march = intervals(days, "2024-03-30T00:00:00Z", 4)
    october = intervals(days, "2024-10-25T00:00:00Z", 4)

    assert any(one.end > following.start for one, following in pairwise(march))
    assert any(one.end < following.start for one, following in pairwise(october))


def test_a_plain_cron_schedule_has_intervals_where_the_deployment_says_so(
    load_dag: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(load_dag("by_plain_cron").timetable).__name__ == "CronTriggerTimetable"

    monkeypatch.setenv("AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS", "True")

    assert type(load_dag("by_plain_cron").timetable).__name__ == "CronDataIntervalTimetable"


# --- what the operator sees, and what the page says -----------------------------------------------


def test_the_interval_of_a_run_is_that_of_its_context() -> None:
    import pendulum

    from remit.operators.plan import data_interval

    start = pendulum.datetime(2024, 10, 27, 2, 30, tz="Europe/Paris")
    context: Any = {"data_interval_start": start, "data_interval_end": start.add(days=1)}

    found = data_interval(context)

    assert found is not None
    assert {type(found.start), type(found.end)} == {datetime}
    assert found.as_json() == {"start": "2024-10-27T01:30:00Z", "end": "2024-10-28T01:30:00Z"}
    assert found.start.tzinfo is UTC


@pytest.mark.parametrize(
    "context",
    [{}, {"data_interval_start": None, "data_interval_end": None}],
    ids=["triggered by an asset", "triggered without a logical date"],
)
def test_a_context_without_an_interval_gives_none(context: Any) -> None:
    from remit.operators.plan import data_interval

    assert data_interval(context) is None


def test_the_dag_of_the_page_on_nightly_runs_has_intervals_and_makes_up_missed_nights(
    repository: Path, dag_file: Path, load_dag: Callable[[str], Any]
) -> None:
    text = (repository / "docs" / "intervals.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    dag_file.write_text(example)

    dag = load_dag("durand_nightly")

    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert dag.catchup is True
    assert dag.max_active_runs == 1
    assert dag.start_date is not None
    assert next(task.task_id.split(".")[-1] for task in dag.topological_sort()) == "plan"
