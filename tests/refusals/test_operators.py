"""What the operators refuse of their own; tests/airflow has the same within a running Airflow."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "AIRFLOW_HOME" not in os.environ:  # importing Airflow writes its settings there
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


@pytest.mark.vector("receipt-overdue")
def test_receipt_that_did_not_come_before_the_maximum_age(refuses) -> None:
    from remit.operators import confirm

    with refuses(
        at="run durand-test",
        saying="nothing confirmed the delivery until 2026-01-01T00:00:00+00:00",
    ):
        raise confirm._overdue("durand-test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.vector("login-invalid")
def test_token_that_is_none_of_this_airflows(refuses) -> None:
    from remit.operators.login import prove

    for token in ("", "x", "a.b.c"):
        with refuses(at="login", saying="none of this Airflow's"):
            prove(token)
