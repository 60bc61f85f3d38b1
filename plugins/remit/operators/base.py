"""What all of remit's operators share.

A task keeps nothing, has no templates, and hands nothing on by XCom; `plan` alone hands on the
numbers of the pieces, for the tasks that extract them. Whatever a step needs it reads from the
evidence of its run, whose id follows from the DAG run; so a retried, cleared or duplicate task takes
up the very same run, and the evidence decides what is left to do.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from airflow.sdk import BaseOperator

from remit.errors import Refused
from remit.metrics import count
from remit.operators.failures import guarded
from remit.operators.telling import tell_next, tell_records

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import Operator

    from remit.custody import Deployment, Run

# Arguments by which other operators are told what to read.
QUERY_WORDS = frozenset(
    "sql query queries statement statements select columns where filter filters table tables view "
    "rows limit parameters".split()
)


class RemitOperator(BaseOperator):
    """Does its work in the deployment that the environment describes.

    Attributes:
        intent: what the task does, in a sentence that its log opens with.
    """

    intent: ClassVar[str]
    # Nothing is rendered: what a run may do is in the signed instruction, not in a DAG run's conf.
    template_fields: Sequence[str] = ()

    def __new__(cls, *_: Any, **arguments: Any) -> Self:
        """Refuse a query before Airflow looks for arguments that are missing or unknown."""
        refusal = refusal_of_query(cls.__name__, arguments)
        if refusal is not None:
            raise refusal  # here, so that Airflow's short traceback ends at the author's line
        return super().__new__(cls)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", self.intent)
        super().__init__(do_xcom_push=False, **kwargs)

    @classmethod
    def partial(cls, **arguments: Any) -> NoReturn:
        """Refuse dynamic mapping: an index has no run that was planned for it."""
        refusal = refusal_of_query(cls.__name__, arguments)
        raise refusal or mapped(_named(cls.__name__, arguments))

    def execute(self, context: Context) -> Any:
        """Do the work, and tell it in the log."""
        self.log.info(self.intent)
        guarded(lambda: self.perform(context), self.log)

    @abstractmethod
    def perform(self, context: Context) -> None:
        """Do the work; remit's errors become Airflow's outside."""

    def principal(self, context: Context) -> str:
        """In whose name evidence is recorded."""
        return f"airflow:{self.dag_id}/{context['run_id']}"

    def deployment(self) -> Deployment:
        """Ledger, keys and staging of this deployment."""
        from remit.operators.connections import resolve
        from remit.wiring import Settings, open_deployment

        return open_deployment(Settings.from_environment(), resolve=resolve)


class StepOperator(RemitOperator):
    """One step of a run."""

    def perform(self, context: Context) -> None:
        """Take the step; tell what it added to the evidence."""
        run = self.open_run(context)
        known = len(run.story.records)
        try:
            self.step(run)
        finally:
            tell_records(self.log, run.story.records[known:])
            count(run.story.records[known:])
        records = run.story.records
        if len(records) == known:
            self.log.info("The evidence says that this was done before; nothing was done again.")
        tell_next(self.log, records)

    @abstractmethod
    def step(self, run: Run) -> None:
        """Take the step."""

    def open_run(self, context: Context) -> Run:
        """The run that belongs to this DAG run and group."""
        from remit.custody import Run

        run = Run(run_name(self, context), self.deployment(), self.principal(context))
        self.log.info("Run %s (remit evidence show %s)", run.id, run.id)
        return run


def run_name(task: BaseOperator, context: Context | Mapping[str, str]) -> str:
    """The run's id, which every task of a group, and every try of it, finds again."""
    group = task.task_group.group_id if task.task_group is not None else None
    return run_of(task.dag_id, context["run_id"], group)


def run_of(dag_id: str, dag_run: str, group: str | None) -> str:
    """The id of the run of a group in a DAG run.

    It begins with the DAG's id, in the letters that a run id may have.
    """
    from remit.custody import run_id

    # A mapped task extracts a piece of the group's one run; the last part is that of its others.
    slug = re.sub(r"[^a-z0-9]+", "-", dag_id.lower()).strip("-")
    return run_id(slug or "run", dag_id, dag_run, group or "", "-1")


def is_ours(task: Operator) -> bool:
    """Whether the task, or what it maps, is an operator of remit or derived from one."""
    return issubclass(getattr(task, "operator_class", type(task)), RemitOperator)


def place(task: Operator) -> str:
    """A task as refusals name it."""
    return f"{task.dag_id}/{task.task_id}"


def refusal_of_query(name: str, arguments: Mapping[str, Any]) -> Refused | None:
    """The refusal of arguments that would say what to read, if there are any.

    Args:
        name: what was given them.
    """
    words = [word for word in arguments if word in QUERY_WORDS]
    return hand_written(_named(name, arguments), words[0]) if words else None


def hand_written(where: str, word: str) -> Refused:
    """The refusal of a query, or a part of one, in a DAG."""
    return Refused(
        "dag-hand-written-sql",
        where,
        f"it was given {word}; what is read is generated from the signed instruction alone.",
        "remove it; have the controller sign an instruction with the tables, columns and rows.",
    )


def mapped(where: str) -> Refused:
    """The refusal of dynamic mapping."""
    return Refused(
        "dag-step-mapped",
        where,
        "it is mapped; each index would be a run of its own, under the same instruction.",
        "take it out of partial(), expand() and mapped groups; write one ControlledMigration for "
        "each instruction.",
    )


def _named(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name} {arguments.get('task_id') or arguments.get('group_id') or ''}".strip()
