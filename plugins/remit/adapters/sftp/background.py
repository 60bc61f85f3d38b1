"""asyncssh's event loop, in one thread of the process, for callers that are no coroutines."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable
from functools import cache
from typing import TypeVar

T = TypeVar("T")


def run(work: Awaitable[T], seconds: float) -> T:
    """Do the work and wait for it.

    Raises:
        TimeoutError: it took longer; it is cancelled.
    """
    return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), loop()).result()


def loop() -> asyncio.AbstractEventLoop:
    """The loop of this very process: a fork has the threads of its parent no longer."""
    with _guard:
        return _loop_of(os.getpid())


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    threading.Thread(target=made.run_forever, name=f"remit-sftp-{process}", daemon=True).start()
    return made


_guard = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_guard=threading.Lock()))
