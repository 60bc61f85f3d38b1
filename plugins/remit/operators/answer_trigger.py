"""Reads a person's answer in the triggerer, which is where Airflow lets it be read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from airflow.triggers.base import BaseTrigger, TriggerEvent


class AnswerTrigger(BaseTrigger):
    """Fires at once, with what Airflow keeps as the answer to a task's question.

    Args:
        instance: the id of the task instance.
    """

    def __init__(self, instance: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.instance = instance

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores it."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"instance": self.instance}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Read it."""
        yield TriggerEvent({"read": self.instance, **await self._read()})  # type: ignore[no-untyped-call]

    async def _read(self) -> dict[str, Any]:
        """What there is: `failed`, or `answer`, which is None where nobody answered."""
        from airflow.sdk.exceptions import AirflowRuntimeError
        from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail
        from asgiref.sync import sync_to_async

        try:
            found = await sync_to_async(get_hitl_detail_content_detail)(UUID(self.instance))
        except AirflowRuntimeError:
            return {"failed": True}
        if not found.response_received or found.responded_at is None:
            return {"answer": None}
        user = found.responded_by_user
        answer = {
            "account": user.id if user else None,
            "name": user.name if user else None,
            "chosen": list(found.chosen_options or ()),
            "at": found.responded_at.isoformat(),
        }
        return {"answer": answer}
