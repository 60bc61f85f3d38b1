"""Reading ahead: a source sends while what it sent before is being written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Queue
from typing import TypeVar

T = TypeVar("T")
_END = object()


@contextmanager
def ahead(items: Callable[[], Iterator[T]], depth: int = 2) -> Iterator[Iterator[T]]:
    """Produce items in a thread, at most `depth` more than were taken.

    What the producer raises is raised where the next item is taken. When the consumer leaves
    early, the producer is told to stop and waited for.
    """
    queue: Queue[object] = Queue()
    room, stopped = threading.Semaphore(depth), threading.Event()
    failure: list[BaseException] = []

    def produce() -> None:
        try:
            for item in items():
                room.acquire()
                if stopped.is_set():
                    return
                queue.put(item)
        except BaseException as error:  # noqa: BLE001  (raised again by the consumer)
            failure.append(error)
        finally:
            queue.put(_END)

    def taken() -> Iterator[T]:
        while (item := queue.get()) is not _END:
            room.release()
            yield item  # type: ignore[misc]
        if failure:
            raise failure[0]

    thread = threading.Thread(target=produce, name="remit-ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stopped.set()
        room.release()
        thread.join()
        _drain(queue)


def _drain(queue: Queue[object]) -> None:
    """Let go of rows that nobody took."""
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return
