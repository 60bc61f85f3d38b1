"""The deletion DAG depends on the evidence alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from remit import signing
from remit.custody import Run, stories
from remit.errors import UsageError
from remit.evidence import timestamp
from remit.instruction import digest_of, parse
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.world import World, by


def ids(context: Any, number: int) -> Any:
    return context | {"run_id": f"manual__{number}"}


def extract(tasks: dict[str, Any], context: Any) -> None:
    tasks["plan"].execute(context)
    tasks["extract"].execute(context)


def list_due(context: Any, **arguments: Any) -> list[str]:
    from remit.operators import ListDueOperator

    return ListDueOperator(task_id="list_due", **arguments).execute(context)


def delete(context: Any, due: str) -> None:
    from remit.operators import DeleteOperator

    DeleteOperator(task_id="delete", due=due).execute(context)


@pytest.fixture
def only_the_deletion_dag(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As when every other DAG was removed from the deployment."""

    def remove() -> None:
        from airflow.configuration import conf

        folder = Path(conf.get("core", "dags_folder"))
        for path in folder.glob("*migration.py"):
            path.rename(path.with_suffix(".removed"))

    yield remove
    from airflow.configuration import conf

    for path in Path(conf.get("core", "dags_folder")).glob("*.removed"):
        path.rename(path.with_suffix(".py"))


def test_what_is_never_confirmed_is_deleted_though_its_dag_is_gone(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    run_dag: Callable[[str], Any],
    only_the_deletion_dag: Callable[[], None],
    eight_days_later: Callable[[], None],
) -> None:
    world = connected()
    for step in ("plan", "extract", "validate", "seal", "deliver"):
        tasks[step].execute(context)
    only_the_deletion_dag()
    eight_days_later()
    assert run_dag("remit_deletion").state == "success"
    (story,) = stories(world.deployment().log.records())
    assert [record.kind for record in story.records[-3:]] == ["delivered", "deleting", "deleted"]
    assert not (world.landing_path / story.run).exists()
    assert world.deployment().staging.list(story.run) == []


def test_nothing_due_is_nothing_to_do(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected()
    extract(tasks, context)
    assert list_due(context) == []
    assert "0 deletions are due" in capfd.readouterr().out
    assert not any(record.kind == "deleted" for record in world.deployment().log.records())


def test_one_that_fails_does_not_keep_the_others(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    eight_days_later: Callable[[], None],
) -> None:
    from remit.adapters.folder import FolderStore

    world = connected()
    for number in (1, 2):
        extract(tasks, ids(context, number))
    stuck, other = (story.run for story in stories(world.deployment().log.records()))
    eight_days_later()
    remove = FolderStore.remove
    monkeypatch.setattr(
        FolderStore,
        "remove",
        lambda self, path: None if path.startswith(stuck) else remove(self, path),
    )
    assert list_due(context) == [stuck, other]
    with pytest.raises(AirflowFailException, match=stuck):
        delete(context, stuck)
    delete(context, other)
    assert f"Run {stuck} is NOT deleted." in capfd.readouterr().out
    done = {r.run for r in world.deployment().log.records() if r.kind == "deleted"}
    assert done == {other}

    monkeypatch.setattr(FolderStore, "remove", remove)
    assert list_due(context) == [stuck]
    delete(context, stuck)
    assert list_due(context) == []


def test_each_obligation_has_a_task_that_shows_its_run(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    database: Path,
    run_dag: Callable[[str], Any],
    eight_days_later: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from remit.adapters.folder import FolderStore

    world = connected()
    for number in (1, 2, 3):
        extract(tasks, ids(context, number))
    runs = [story.run for story in stories(world.deployment().log.records())]
    eight_days_later()
    remove = FolderStore.remove
    stays = lambda self, path: None if path.startswith(runs[1]) else remove(self, path)  # noqa: E731
    monkeypatch.setattr(FolderStore, "remove", stays)

    done = run_dag("remit_deletion")

    assert done.state == "failed"
    with closing(sqlite3.connect(database)) as metadata:
        asked = (done.run_id,)
        shown = metadata.execute(
            "SELECT rendered_map_index, state FROM task_instance "
            "WHERE run_id = ? AND task_id = 'delete' ORDER BY map_index",
            asked,
        ).fetchall()
        handed = metadata.execute(
            "SELECT task_id, value FROM xcom WHERE run_id = ?", asked
        ).fetchall()
    assert dict(shown) == {runs[0]: "success", runs[1]: "failed", runs[2]: "success"}
    assert [(task, json.loads(value)) for task, value in handed] == [("list_due", runs)]


def test_at_most_so_many_are_listed_the_longest_overdue_first_and_who_failed_last(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    eight_days_later: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from remit.adapters.folder import FolderStore

    world = connected()
    for number in (1, 2, 3):
        extract(tasks, ids(context, number))
    runs = [story.run for story in stories(world.deployment().log.records())]
    eight_days_later()

    assert list_due(context, at_most=2) == runs[:2]
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "remove", lambda self, path: None)
        with pytest.raises(AirflowFailException):
            delete(context, runs[0])
    assert list_due(context, at_most=2) == runs[1:]
    assert list_due(context) == [*runs[1:], runs[0]]
    with pytest.raises(UsageError, match="from 1 to 1000"):
        list_due(context, at_most=5000)


def test_a_hold_is_told_while_it_lasts_and_when_it_expired(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    capfd: pytest.CaptureFixture[str],
    eight_days_later: Callable[[], None],
) -> None:
    world = connected()
    extract(tasks, context)
    (story,) = stories(world.deployment().log.records())
    until = world.clock() + timedelta(days=7, hours=12)
    Run(story.run, world.deployment(), "test").hold(by("Camille Moreau"), "an audit", until)
    list_due(context)
    said = capfd.readouterr().out
    assert f"Run {story.run} is held until {timestamp(until)} by Camille Moreau: an audit" in said

    eight_days_later()
    assert list_due(context) == [story.run]
    assert f"The hold on run {story.run} has expired" in capfd.readouterr().out


def test_a_landing_zone_that_cannot_be_found_is_worth_a_retry(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    eight_days_later: Callable[[], None],
) -> None:
    connected()
    for step in ("plan", "extract", "validate", "seal", "deliver"):
        tasks[step].execute(context)
    monkeypatch.delenv("AIRFLOW_CONN_KALISIL_LANDING")
    eight_days_later()
    [due] = list_due(context)
    with pytest.raises(AirflowException, match="kalisil_landing") as caught:
        delete(context, due)
    assert not isinstance(caught.value, AirflowFailException)


def take_back(world: World) -> None:
    path = world.root / "include" / "instructions" / "durand.yaml"
    text, key = path.read_bytes(), str(world.root / "controller" / "controller.pem")
    reason = "The laboratory moves later than planned"
    signer = signing.load_signer(key)
    envelope = revoke(parse(text), digest_of(text), reason, world.clock(), signer)
    revocation_path(path).write_bytes(envelope)


STEPS = ("plan", "extract", "validate", "seal", "approve", "deliver", "confirm")


@pytest.mark.parametrize("step", STEPS)
def test_a_withdrawn_instruction_fails_the_task_without_a_retry(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    capfd: pytest.CaptureFixture[str],
    step: str,
) -> None:
    world = connected()
    done = STEPS.index(step)
    for name in STEPS[:done]:
        tasks[name].execute(context)
    take_back(world)

    with pytest.raises(AirflowFailException, match=r"instruction-revoked.* Way out: ") as caught:
        tasks[step].execute(context)
    told = capfd.readouterr().out

    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "Refused by the rule instruction-revoked." in told
    if done > 1:  # something was extracted
        assert f"The run is stopped at {step}; its staging key is destroyed" in told
        assert "copies removed and looked for again: gone." in told
        (story,) = stories(world.deployment().log.records())
        assert world.deployment().staging.list(story.run) == []
        assert not world.deployment().keys.exists(story.run)


def test_a_revocation_that_cannot_be_read_is_worth_a_retry_and_a_damaged_one_is_not(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected()
    extract(tasks, context)
    path = revocation_path(world.root / "include" / "instructions" / "durand.yaml")
    path.symlink_to(world.root / "not-mounted")
    with pytest.raises(AirflowException, match="it cannot be read") as caught:
        tasks["validate"].execute(context)
    assert not isinstance(caught.value, AirflowFailException)

    path.unlink()
    path.write_text("{}")
    with pytest.raises(AirflowFailException, match="envelope-malformed"):
        tasks["validate"].execute(context)


def test_the_deletion_dag_stops_what_waits_for_its_receipt_under_a_revoked_instruction(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    run_dag: Callable[[str], Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected()
    for step in STEPS[:-1]:
        tasks[step].execute(context)
    take_back(world)

    assert run_dag("remit_deletion").state == "success"

    (story,) = stories(world.deployment().log.records())
    kinds = [record.kind for record in story.records]
    assert kinds[-4:] == ["refused", "stopped", "deleting", "deleted"]
    assert not (world.landing_path / story.run).exists()
    assert "The run is stopped at withdraw" in capfd.readouterr().out
