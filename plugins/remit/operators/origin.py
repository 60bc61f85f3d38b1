"""Who wrote the DAG that a task is in, and who started its run, as far as Airflow knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from remit.approve import Origin

# Kinds of runs that nobody starts by hand. One that another DAG starts has the name of who started that.
_UNATTENDED = frozenset({"scheduled", "asset_triggered", "operator_triggered"})


def origin_of(task: BaseOperator, context: Context) -> Origin:
    """Every owner that a task of the DAG names, and the user who triggered the run or its backfill."""
    from remit.approve import Origin

    owners = {name.strip() for other in task.dag.tasks for name in other.owner.split(",")}
    dag_run = context.get("dag_run")
    kind = str(getattr(dag_run, "run_type", ""))
    return Origin(
        authors=tuple(sorted(owners - {""})),
        trigger=getattr(dag_run, "triggering_user_name", None),
        unattended=kind in _UNATTENDED and not _by_hand(dag_run),
    )


def _by_hand(dag_run: object) -> bool:
    """Whether somebody made an asset event by Airflow's API, which marks it so and names nobody."""
    events = getattr(dag_run, "consumed_asset_events", None) or []
    return any((event.extra or {}).get("from_rest_api") for event in events)
