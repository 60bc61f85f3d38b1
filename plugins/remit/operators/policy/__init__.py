"""The cluster policy: a DAG that goes round remit is an import error, with the rule and the way out.

Guarantee: where a DAG that Airflow accepted has one of remit's steps, it has all six, unchanged and
in their order, under an instruction that verified when the file was parsed.
Not guaranteed: anything about DAGs without remit's operators, or about what a DAG's own Python code
does. A run does not rely on the policy: each step checks the evidence and the instruction again.
The deployment must load it: `config/airflow_local_settings.py` does, and an installed package does
by its entry point in the group `airflow.policy`.

Airflow imports this module while it starts, in every process, so nothing else of remit is imported
here before a DAG is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.policies import hookimpl

if TYPE_CHECKING:
    from airflow.sdk import DAG

__all__ = ["dag_policy"]


@hookimpl
def dag_policy(dag: DAG) -> None:
    """Refuse the DAG if it breaks one of the rules of docs/dag-rules.md.

    Raises:
        AirflowClusterPolicyViolation: it breaks one, or what it breaks could not be found out.
    """
    from remit.operators.base import is_ours

    if not any(map(is_ours, dag.tasks)):
        return
    from airflow.exceptions import AirflowClusterPolicyViolation

    # Raised outside the handler: Airflow logs an exception with its whole chain.
    violation = _violation(dag)
    if violation is not None:
        raise AirflowClusterPolicyViolation(violation)


def _violation(dag: DAG) -> str | None:
    from remit.errors import RemitError, describe_unexpected
    from remit.operators.policy.rules import check

    try:
        check(dag)
    except RemitError as error:
        return " ".join([str(error), *getattr(error, "__notes__", ())])
    except Exception as error:  # noqa: BLE001 - what cannot be checked is refused
        return f"{dag.dag_id}: {describe_unexpected(error)}"
    return None
