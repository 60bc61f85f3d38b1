"""What persons do: approve a delivery in Airflow, answer an alert on its page; and who may not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from remit.testing.browser import Visitor

DAG = "durand_migration"


def alert_of(visitor: Visitor, run: str) -> str:
    """Open the page of an alert about a run."""
    until = time.monotonic() + 90
    while True:
        visitor.go(f"/remit/alerts?run={run}")
        found = visitor.page.locator("main h3 a")
        if found.count():
            found.first.click()
            visitor.page.wait_for_selector("form.act")
            return visitor.page.url
        assert time.monotonic() < until, "no alert was raised"
        time.sleep(0.5)


def acknowledge(visitor: Visitor, reason: str) -> None:
    """Fill the form in by keyboard, and send it."""
    visitor.page.locator("form.act textarea").first.focus()
    visitor.page.keyboard.type(reason)
    visitor.page.keyboard.press("Tab")
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")


def await_state(deployment: Any, *wanted: str) -> None:
    until = time.monotonic() + 120
    while (state := deployment.api.state(DAG, deployment.dag_run)) not in wanted:
        assert state in ("queued", "running"), state
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.5)


def test_who_started_a_run_does_not_approve_it_and_a_second_person_does(
    deployment: Any, visit: Callable[..., Visitor]
) -> None:
    bruno, run = visit("bruno"), f"/dags/{DAG}/runs/{deployment.dag_run}"
    until = time.monotonic() + 120
    while deployment.api.tasks(DAG, deployment.dag_run)["approve", -1]["state"] != "awaiting_input":
        assert time.monotonic() < until, "nobody is asked"
        time.sleep(0.5)
    bruno.look("airflow-waits-for-approval", bruno.frame(f"{run}/plugin/remit-run"))
    alice = visit("alice")
    for visitor, status in ((alice, 403), (bruno, 200)):
        visitor.page.goto(f"{bruno.address}{run}/tasks/migration.approve")
        visitor.page.get_by_text("Required Action").first.click()
        with visitor.page.expect_response(lambda answer: "hitlDetails" in answer.url
                                          and answer.request.method == "PATCH") as answered:  # fmt: skip
            visitor.page.get_by_role("button", name="Approve").click()
        assert answered.value.status == status
        visitor.picture(f"airflow-answer-{status}", full=False)
    assert all("403" in problem for problem in alice.problems)
    alice.problems.clear()
    await_state(deployment, "success")
    told = bruno.frame(f"{run}/plugin/remit-run").inner_text("main")
    assert "Bruno Petit" in told


@pytest.mark.parametrize(
    ("who", "code"), [("vera", "person-not-authorised"), ("admin", "person-account-shared")]
)
def test_an_alert_is_not_acknowledged_by_whom_the_instruction_does_not_name(
    visit: Callable[..., Visitor], who: str, code: str
) -> None:
    visitor = visit(who)
    page = alert_of(visitor, "sample-overdue")
    acknowledge(visitor, "It is nothing")
    assert code in visitor.page.inner_text("main")
    visitor.picture(f"alert-refused-to-{who}")
    [refused] = visitor.problems  # the browser's own word on the answer
    assert "403" in refused
    visitor.problems.clear()
    visitor.go(page.removeprefix(visitor.address))
    assert visitor.page.locator("form[action$=acknowledge]").count() == 1


def test_a_named_person_acknowledges_an_alert(visit: Callable[..., Visitor]) -> None:
    alice = visit("alice")
    alert_of(alice, "sample-overdue")
    acknowledge(alice, "The zone is mounted again tonight <b>")
    told = alice.page.inner_text("main")
    assert "Alice Martin" in told
    assert "The zone is mounted again tonight <b>" in told
    assert alice.page.locator("form[action$=acknowledge]").count() == 0
    alice.look("alert-acknowledged")
