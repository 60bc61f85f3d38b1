"""What Airflow loads from `$AIRFLOW_HOME/config` when it starts: remit's cluster policy."""

from __future__ import annotations

from remit.operators.policy import dag_policy

__all__ = ["dag_policy"]
