"""Holds a state of the source open in the triggerer, while tasks on any machine read pieces of it.

It is handed the connection's id and looks the connection up itself: what Airflow stores of a
trigger then holds no address and no secret. The triggerer needs the settings that workers have.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from remit.errors import Refused, RemitError, Unavailable, describe_unexpected
from remit.operators.connections import Airflows, looked_up
from remit.operators.telling import logged
from remit.wiring import Settings, open_deployment, open_source

if TYPE_CHECKING:
    from remit.custody import Divided


class StateTrigger(BaseTrigger):
    """Fires when every piece is staged, when the run has ended, or when it cannot go on.

    Args:
        source_conn_id: the connection of the controller's database.
        remit_run: the run's id.
        principal: in whose name evidence is recorded.
        poke_interval: seconds between two looks at the evidence.
        limit: seconds that the state is held open at most.
        divisions: how often the run's tables were divided before. A trigger that Airflow starts
            again finds one more: the state that it held is lost, and not replaced by another,
            which the tasks that are done already would not read.
    """

    def __init__(
        self,
        source_conn_id: str,
        remit_run: str,
        principal: str,
        poke_interval: float,
        limit: float,
        divisions: int,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.source_conn_id = source_conn_id
        self.remit_run = remit_run
        self.principal = principal
        self.poke_interval = poke_interval
        self.limit = limit
        self.divisions = divisions

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How Airflow stores it."""
        fields = (
            "source_conn_id",
            "remit_run",
            "principal",
            "poke_interval",
            "limit",
            "divisions",
        )
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in fields}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Hold, in a thread of its own: a triggerer's pool is not for what takes hours."""
        left, done = threading.Event(), asyncio.Event()
        loop, told = asyncio.get_running_loop(), dict[str, Any](refusal=None, failure=None)
        try:
            known = await self._connections()
            thread = threading.Thread(
                target=self._held, args=(known, left, told, done, loop), daemon=True
            )
            thread.start()
            await done.wait()
        except RemitError as error:
            told["failure"] = str(error)
        finally:
            left.set()
        yield TriggerEvent({"run": self.remit_run, **told})  # type: ignore[no-untyped-call]

    async def _connections(self) -> Airflows:
        """The connections that the thread will need; it cannot look them up itself."""
        settings = Settings.from_environment()
        used = {self.source_conn_id, *settings.secret_connections()}
        if settings.staging.startswith("conn:"):
            used.add(settings.staging.removeprefix("conn:"))
        return await looked_up(used)

    def _held(
        self,
        known: Airflows,
        left: threading.Event,
        told: dict[str, Any],
        done: asyncio.Event,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            self._hold(known, left)
        except Refused as refusal:
            told["refusal"] = refusal.as_json()
        except RemitError as error:
            told["failure"] = str(error)
        except Exception as error:  # noqa: BLE001  (told to the task, which fails by it)
            told["failure"] = describe_unexpected(error)
        finally:
            loop.call_soon_threadsafe(done.set)

    def _hold(self, known: Airflows, left: threading.Event) -> None:
        from remit.custody import Divided, Run

        deployment = open_deployment(Settings.from_environment(), resolve=known)
        divided = Divided(Run(self.remit_run, deployment, self.principal))
        if divided.divisions() > self.divisions:
            if divided.missing():
                raise Unavailable(
                    "the triggerer", "it was stopped, and lost the state that it held."
                )
            return
        ends = time.monotonic() + self.limit
        with divided.open(open_source(f"conn:{self.source_conn_id}", known)):
            while self._goes_on(divided) and time.monotonic() < ends:
                if left.wait(self.poke_interval):
                    return  # the trigger was cancelled

    def _goes_on(self, divided: Divided) -> bool:
        """Whether pieces are missing; a ledger that does not answer is asked again later."""
        try:
            return bool(divided.missing())
        except Unavailable as error:
            self.log.warning("%s; looking again later.", logged(str(error)))
            return True
