"""Executes every deletion that is due, of whatever run. It must never be paused or removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from remit.operators import DeleteOperator

with DAG(
    "remit_deletion",
    schedule="*/15 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["remit"],
    doc_md=__doc__,
) as dag:
    DeleteOperator(task_id="delete_due", retries=3, retry_delay=timedelta(minutes=1))

if __name__ == "__main__":
    raise SystemExit(dag.test().state != "success")
