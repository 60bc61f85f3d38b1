"""Waits in the triggerer until a run's receipt is there.

It is handed the landing zone as the run's evidence has it (``conn:ID`` or a folder's path) and looks
the connection up itself: what Airflow stores of a trigger then holds no address and no secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from remit.errors import RemitError, Unavailable
from remit.operators.connections import resolve_async


class ReceiptTrigger(BaseTrigger):
    """Fires when the receipt is there, or at the deadline; it reads nothing.

    Args:
        landing: the landing zone's specification.
        remit_run: the run's id.
        poke_interval: seconds between two looks.
        deadline: when to stop looking, ISO 8601 with an offset.
    """

    def __init__(self, landing: str, remit_run: str, poke_interval: float, deadline: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.landing = landing
        self.remit_run = remit_run
        self.poke_interval = poke_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores it."""
        fields = ("landing", "remit_run", "poke_interval", "deadline")
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, and sleep in between."""
        deadline = datetime.fromisoformat(self.deadline)
        while not await self._there():
            left = (deadline - datetime.now(UTC)).total_seconds()
            if left <= 0:
                break
            await asyncio.sleep(min(self.poke_interval, left))
        yield TriggerEvent({"run": self.remit_run})  # type: ignore[no-untyped-call]

    async def _there(self) -> bool:
        try:
            known: Any = None
            if self.landing.startswith("conn:"):
                known = await resolve_async(self.landing.removeprefix("conn:"))
            return await asyncio.to_thread(_exists, self.landing, known, self.remit_run)
        except Unavailable as error:
            self.log.warning("%s; looking again later.", error)
            return False
        except RemitError:
            return True  # no use in waiting: the task looks itself, and says what is wrong


def _exists(landing: str, known: Any, run: str) -> bool:
    """In a thread: a network file system may take its time, and so do the imports."""
    from remit.manifest import RECEIPT
    from remit.wiring import open_landing

    return open_landing(landing, lambda _: known).exists(f"{run}/{RECEIPT}")
