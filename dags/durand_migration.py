"""Laboratoires Durand to Kalisil, as the controller instructs; started by hand."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from remit.operators import ControlledMigration, deadline

with DAG(
    "durand_migration",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    deadline=deadline(timedelta(days=2), group_id="migration"),
    default_args={"owner": "dora"},  # its author, who can never approve a run of it
    tags=["remit"],
    doc_md=__doc__,
) as dag:
    ControlledMigration(
        group_id="migration",
        instruction="include/instructions/durand.yaml",
        source_conn_id="durand_lis",
        landing_conn_id="kalisil_landing",
        poke_interval=5,
    )

if __name__ == "__main__":
    dag.deadline = None  # with one, Airflow cannot test a DAG: apache/airflow#73428
    raise SystemExit(dag.test().state != "success")
