"""Raises alerts and escalates them. Let remit supervise --every PT5M look as well, as a service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from remit.operators import SuperviseOperator, deadline

with (
    DAG(
        "remit_supervision",
        schedule="*/5 * * * *",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=3,  # one that is lost with its scheduler does not keep the next; a lock orders them
        is_paused_upon_creation=False,
        deadline=deadline(timedelta(hours=1)),
        tags=["remit"],
        doc_md=__doc__,
    ) as dag
):
    SuperviseOperator(
        task_id="supervise",
        every=timedelta(minutes=5),
        retries=2,
        retry_delay=timedelta(seconds=30),
        execution_timeout=timedelta(minutes=30),  # one that hangs does not keep the next DAG run
    )

if __name__ == "__main__":
    dag.deadline = None  # with one, Airflow cannot test a DAG: apache/airflow#73428
    raise SystemExit(dag.test().state != "success")
