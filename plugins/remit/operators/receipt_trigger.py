"""Waits in the triggerer until something is there that may confirm a run.

It is handed the landing zone as the run's evidence has it (``conn:ID``, a path or a URL), and what
the instruction takes as a confirmation, and looks connections up itself: what Airflow stores of a
trigger then holds no address and no secret. It judges nothing: what it fires says that it is worth
looking, and the task looks itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from remit.errors import RemitError, Unavailable
from remit.operators.connections import resolve_async
from remit.operators.telling import logged

_FIELDS = (
    "landing",
    "remit_run",
    "poke_interval",
    "deadline",
    "rule",
    "ways",
    "tables",
    "endpoint",
)


class ReceiptTrigger(BaseTrigger):
    """Fires when an answer is there, or at the deadline.

    Args:
        landing: the landing zone's specification.
        remit_run: the run's id.
        poke_interval: seconds between two looks.
        deadline: when to stop looking, ISO 8601 with an offset.
        rule: the instruction's `confirmation`.
        ways: those of its ways that something may come by.
        tables: the names of the tables that leave.
        endpoint: the landing zone's fingerprint, where the instruction names it.
    """

    def __init__(
        self,
        landing: str,
        remit_run: str,
        poke_interval: float,
        deadline: str,
        rule: Mapping[str, Any],
        ways: Sequence[str],
        tables: Sequence[str],
        endpoint: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.landing = landing
        self.remit_run = remit_run
        self.poke_interval = poke_interval
        self.deadline = deadline
        self.rule = dict(rule)
        self.ways = list(ways)
        self.tables = list(tables)
        self.endpoint = endpoint

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores it."""
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in _FIELDS}

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
            known = {name: await resolve_async(name) for name in self._connections()}
            return await asyncio.to_thread(self._answered, known)
        except Unavailable as error:
            self.log.warning("%s; looking again later.", logged(str(error)))
            return False
        except RemitError:
            return True  # no use in waiting: the task looks itself, and says what is wrong

    def _connections(self) -> set[str]:
        """The ids of the connections that are needed."""
        described = (self.rule.get(way) for way in self.ways)
        needed = {one["connection"] for one in described if one}
        if self.landing.startswith("conn:"):
            needed.add(self.landing.removeprefix("conn:"))
        return needed

    def _answered(self, known: Mapping[str, Any]) -> bool:
        """In a thread: a network file system may take its time, and so do the imports."""
        from remit.custody import Watch
        from remit.instruction.confirmation import Confirmation
        from remit.ports import LandingTerms
        from remit.wiring import Settings, open_inbox, open_landing, open_target

        rule = Confirmation.model_validate(self.rule)
        zone = open_landing(self.landing, known.__getitem__)
        zone.bind(LandingTerms(self.endpoint))
        return Watch(self.remit_run, rule, self.ways, self.tables).is_answered(
            zone,
            open_inbox(Settings.from_environment()),
            open_target(known.__getitem__),
        )
