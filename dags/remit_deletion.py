"""Executes every deletion that is due, of whatever run. It must never be paused or removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from remit.operators import DeleteOperator, ListDueOperator, deadline

with DAG(
    "remit_deletion",
    schedule="*/15 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    deadline=deadline(timedelta(hours=1)),
    tags=["remit"],
    doc_md=__doc__,
) as dag:
    due = ListDueOperator(task_id="list_due", at_most=200)
    DeleteOperator.partial(
        task_id="delete",
        map_index_template="{{ task.due }}",
        execution_timeout=timedelta(minutes=30),  # one that hangs does not keep the next DAG run
    ).expand(due=due.output)

if __name__ == "__main__":
    dag.deadline = None  # with one, Airflow cannot test a DAG: apache/airflow#73428
    raise SystemExit(dag.test().state != "success")
