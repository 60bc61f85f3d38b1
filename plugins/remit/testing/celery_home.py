"""The DAGs and the settings of an Airflow on its CeleryExecutor, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.testing.demo_home import DemoHome

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
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # A worker that is lost is noticed in seconds.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "8",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    # So often a worker looks whether a task's process has ended, besides being told.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


@dataclass
class CeleryHome(DemoHome):
    """The processor's places, with settings of its own beside those of the demo's."""

    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the processor's processes."""
        return super().environment | self.settings
