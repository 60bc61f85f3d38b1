"""Laboratoires Durand to Kalisil, as the controller instructs; started by hand."""

from __future__ import annotations

from airflow.sdk import DAG

from remit.operators import ControlledMigration

with DAG(
    "durand_migration",
    schedule=None,
    catchup=False,
    max_active_runs=1,
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
    raise SystemExit(dag.test().state != "success")
