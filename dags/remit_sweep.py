"""Looks every day for what is in stores and keyring and nobody recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from remit.operators import SweepOperator, deadline

with DAG(
    "remit_sweep",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    deadline=deadline(timedelta(hours=12)),
    tags=["remit"],
    doc_md=__doc__,
) as dag:
    SweepOperator(task_id="sweep", retries=3, retry_delay=timedelta(minutes=5))

if __name__ == "__main__":
    dag.deadline = None  # with one, Airflow cannot test a DAG: apache/airflow#73428
    raise SystemExit(dag.test().state != "success")
