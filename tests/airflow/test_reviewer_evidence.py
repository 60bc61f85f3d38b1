"""The evidence page, the tab on a DAG run, and what a reader sees of runs of DAGs that are not theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from remit.errors import one_line
from remit.evidence import of_kinds
from remit.merkle import leaf_hash
from remit.reviewer.reading import _ledger
from remit.testing.world import World

PRIVATE = "&lt;img src=x onerror=alert(1)&gt;"


def test_it_shows_the_log_its_newest_checkpoint_and_each_record_with_its_digest(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    log = reviewed.deployment().log
    text = logged_in("vera").get("/remit/evidence").text

    assert log.ledger.name in text
    assert all(leaf_hash(kept.body).hex() in text for kept in log.kept())
    assert all(one_line(record.by) in text for record in log.records())
    for run in ("known-run", "gone-run", "hand-run"):
        assert f'href="/remit/evidence?run={run}"' in text
    assert 'href="/remit/evidence?run=register' not in text


def test_a_run_has_a_list_of_its_own_and_an_unknown_one_is_not_found(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    browser = logged_in("vera")
    text = browser.get("/remit/evidence?run=known-run").text
    assert ("known-run" in text, "hand-run" in text) == (True, False)
    for run in ("no-such-run", "register:instructions", "%3Cb%3E", "..%2F"):
        assert browser.get(f"/remit/evidence?run={run}").status_code == 404
    for query in ("before=-1", "before=x", f"before={2**63}", "run=" + "a" * 201):
        assert browser.get(f"/remit/evidence?{query}").status_code == 422


def test_long_logs_are_paged(logged_in: Callable[..., Any], world: World, monkeypatch: Any) -> None:
    log = world.deployment().log
    for number in range(120):
        log.append("long-run", "opened", {}, f"os:number-{number}", step=None)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    browser, at, seen = logged_in("vera"), "/remit/evidence", []
    for _ in range(3):
        text = browser.get(at).text
        seen += [n for n in range(119, -1, -1) if f'id="record-{n}"' in text]
        at = text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert seen == list(range(119, -1, -1))
    assert 'rel="next"' not in text
    assert 'rel="prev"' in text


def refuse(monkeypatch: pytest.MonkeyPatch, dag: str | None, entity: str) -> None:
    """Have the auth manager refuse one thing, and decide everything else as it does."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    decide = SimpleAuthManager.is_authorized_dag

    def decided(self: Any, *, details: Any = None, access_entity: Any = None, **asked: Any) -> bool:
        if (details and details.id, access_entity.name) == (dag, entity):
            return False
        return decide(self, details=details, access_entity=access_entity, **asked)

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", decided)


def test_of_a_dag_that_may_not_be_read_nothing_is_shown_but_place_and_digest(
    logged_in: Callable[..., Any], reviewed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "known_migration", "RUN")
    browser = logged_in("vera")
    text = browser.get("/remit/evidence").text

    assert ("known-run" in text, "known_migration" in text) == (False, False)
    assert "hand-run" in text
    [opened] = reviewed.deployment().log.ledger.kept("known-run", ["opened"])
    assert leaf_hash(opened.body).hex() in text
    assert browser.get("/remit/evidence?run=known-run").status_code == 403
    assert browser.get("/remit/dag-run?dag=known_migration&dag_run=manual__1").status_code == 403


def test_what_has_no_dag_is_for_who_may_read_the_audit_log(
    logged_in: Callable[..., Any], reviewed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, None, "AUDIT_LOG")
    browser = logged_in("vera")
    text = browser.get("/remit/evidence").text

    assert "known-run" in text
    for hidden in ("hand-run", "gone-run", "os:operator", "register:instructions"):
        assert hidden not in text
    assert browser.get("/remit/evidence?run=hand-run").status_code == 403
    assert browser.get("/remit/evidence?run=gone-run").status_code == 403
    assert browser.get("/remit/dag-run?dag=gone_migration&dag_run=manual__1").status_code == 403


def test_the_tab_on_a_dag_run_leads_to_the_runs_that_it_opened(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    browser = logged_in("vera")
    answer = browser.get("/remit/dag-run?dag=known_migration&dag_run=manual__1&task=a.b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/remit/runs/known-run")
    assert (
        "no run was opened"
        in browser.get("/remit/dag-run?dag=known_migration&dag_run=manual__2").text
    )
    assert browser.get("/remit/dag-run?dag=a/b&dag_run=c").status_code == 404
    assert browser.get("/remit/dag-run?dag=known_migration").status_code == 422


def test_hostile_names_are_text(logged_in: Callable[..., Any], reviewed: World) -> None:
    hostile = "%3Cimg src=x onerror=alert(1)%3E"
    browser = logged_in("vera")
    text = browser.get(f"/remit/dag-run?dag=known_migration&dag_run={hostile}&{hostile}=1").text
    assert PRIVATE in text
    assert "<img" not in text


def test_the_language_is_remembered(logged_in: Callable[..., Any], reviewed: World) -> None:
    browser = logged_in("vera")
    assert '<html lang="en">' in browser.get("/remit/evidence").text
    answer = browser.get("/remit/evidence?language=fr&path=1&request=2")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert '<html lang="fr">' in browser.get("/remit/evidence").text
    assert '<html lang="fr">' in browser.get("/remit/evidence?language=%22").text


def test_a_record_that_was_changed_is_a_red_page_that_names_it(
    logged_in: Callable[..., Any], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.open_run()
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    [opened] = of_kinds(world.deployment().log.ledger, "opened")
    with sqlite3.connect(world.root / "processor" / "evidence.sqlite") as database:
        database.execute("UPDATE remit_record SET body = 'Mme Dupont' WHERE seq = ?", (opened.seq,))
    answer = logged_in("vera").get("/remit/evidence")

    assert answer.status_code == 500
    assert f"record {opened.seq}" in answer.text
    assert 'class="notice bad"' in answer.text
    assert "Dupont" not in answer.text


def test_a_log_without_records_is_shown_as_empty(
    logged_in: Callable[..., Any], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deployment()
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    answer = logged_in("vera").get("/remit/evidence")
    assert (answer.status_code, "None yet" in answer.text) == (200, True)


def test_without_a_ledger_there_is_a_page_that_says_so_and_no_ledger_is_made(
    logged_in: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ledger.cache_clear()
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "nothing"))
    assert logged_in("vera").get("/remit/evidence").status_code == 503
    assert not (tmp_path / "nothing").exists()


def test_it_starts_with_the_first_page_and_airflow_lists_its_views(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    browser = logged_in("vera")
    start = browser.get("/remit/")
    assert (start.status_code, browser.get(start.headers["location"]).status_code) == (303, 200)
    plugins = browser.get("/api/v2/plugins").json()["plugins"]
    [views] = [p["external_views"] for p in plugins if p["name"] == "remit"]
    assert [view["destination"] for view in views] == ["nav", "dag_run", "task_instance"]
    for view in views:  # relative, so that they follow wherever Airflow is served
        assert all(view[n].startswith("remit/") for n in ("href", "icon", "icon_dark_mode"))
        assert browser.get("/" + view["icon"]).status_code == 200
