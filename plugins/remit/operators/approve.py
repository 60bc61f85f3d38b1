"""Approve: have a named person agree before anything is delivered, where the instruction asks for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from remit.errors import Unavailable, one_line
from remit.operators.base import StepOperator
from remit.operators.origin import origin_of
from remit.operators.telling import logged

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.approve import Answer, Origin, Question
    from remit.custody import Run

_SLACK = timedelta(seconds=1)


class ApproveOperator(StepOperator):
    """Asks by Airflow's human-in-the-loop, and waits without a worker; no answer is a refusal."""

    intent = (
        "Where the instruction asks for four eyes, shows what would leave to the persons who may "
        "approve it, neither the DAG's author nor who started the run, and waits for one of them. "
        "Without an approval in time the run is refused and its copies are deleted."
    )

    _origin: Origin

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._instance = ""
        self._reference = ""
        self._woken = False
        self._read: dict[str, Any] | None = None

    def perform(self, context: Context) -> None:
        """Note who is behind the run, and where Airflow keeps the question; then take the step."""
        self._origin = origin_of(self, context)
        self._instance = str(getattr(context["ti"], "id", ""))
        self._reference = f"{self.principal(context)}/{self.task_id}/{self._instance}"
        super().perform(context)

    def resume_execution(
        self,
        next_method: str,  # noqa: ARG002
        next_kwargs: dict[str, Any] | None,
        context: Context,
    ) -> None:
        """Look again. What wakes the task is not believed, unless our own reader in the triggerer did."""
        event = (next_kwargs or {}).get("event")
        self._woken = True
        self._read = event if isinstance(event, dict) and "read" in event else None
        self.execute(context)

    def step(self, run: Run) -> None:
        """Ask; once woken read what was answered, then judge it."""
        question = run.asked(self._reference) if self._woken else None
        if question is not None:
            self._judge(run, question)
            return
        question = run.ask(self._origin, self._reference)
        if question is not None:
            self._put(run, question)
            self._park(run, question)
        if run.instruction().terms.approval is None:
            self.log.info("The instruction asks for no approval, so none is needed.")

    def _judge(self, run: Run, question: Question) -> None:
        if self._read is None or self._read["read"] != self._instance:
            from remit.operators.answer_trigger import AnswerTrigger

            self.log.info("Reading again what Airflow has as the answer.")
            self.defer(trigger=AnswerTrigger(self._instance), method_name="execute")
        if self._read.get("failed"):
            raise Unavailable("Airflow", "the answer could not be read.")
        if run.take_answer(question, _answer(self._read["answer"]), self._origin) is None:
            self._park(run, question)

    def _put(self, run: Run, question: Question) -> None:
        from airflow.sdk.exceptions import AirflowRuntimeError
        from airflow.sdk.execution_time.hitl import HITLUser, upsert_hitl_detail

        from remit.custody.request import request

        subject, body = request(run.story, question)
        try:
            upsert_hitl_detail(
                ti_id=UUID(self._instance),
                options=[question.approval, question.disapproval],
                subject=subject,
                body=body,
                # No defaults: they would be taken as the answer when the time is over.
                defaults=None,
                multiple=False,
                params={},
                assigned_users=[
                    HITLUser(id=who, name=one_line(name)) for who, name in question.assigned
                ],
            )
        except AirflowRuntimeError:
            raise Unavailable("Airflow", "the question could not be put.") from None

    def _park(self, run: Run, question: Question) -> NoReturn:
        """Wait in Airflow's state for it, which needs neither a worker nor the triggerer."""
        from airflow.sdk.exceptions import TaskAwaitingInput

        self.log.info(
            "Waiting until %s for %s to answer in Airflow (Required Actions).",
            question.until.isoformat(),
            logged(" or ".join(name for _, name in question.assigned)),
        )
        left = question.until - run.deployment.clock() + _SLACK
        raise TaskAwaitingInput(method_name="execute", timeout=max(left, _SLACK))


def _answer(read: dict[str, Any] | None) -> Answer | None:
    """What the triggerer read."""
    from remit.approve import Answer

    if read is None:
        return None
    at = datetime.fromisoformat(read["at"])
    return Answer(read["account"], read["name"], tuple(read["chosen"]), at)
