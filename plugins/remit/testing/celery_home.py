"""The DAGs and the settings of an Airflow on its CeleryExecutor, for tests and benchmarks."""

from __future__ import annotations

MIGRATION = "celery_migration"
DELETION = "remit_deletion"

DAGS = f"""
from datetime import timedelta
from airflow.sdk import DAG
from remit.operators import ControlledMigration, DeleteOperator, ListDueOperator

with DAG("{MIGRATION}", schedule=None, catchup=False):
    ControlledMigration(
        instruction="include/instructions/durand.yaml",
        source_conn_id="durand_lis",
        landing_conn_id="kalisil_landing",
        poke_interval=0.5,
        retries=3,
        retry_delay=timedelta(seconds=1),
    )

with DAG("{DELETION}", schedule=None, catchup=False):
    due = ListDueOperator(task_id="list_due").output
    DeleteOperator.partial(task_id="delete").expand(due=due)
"""
SETTINGS = {
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    # So often a worker looks whether a task's process has ended, besides being told.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}
