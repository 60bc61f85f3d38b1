"""Reading ahead: the next portion is made while this one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(portions: Iterator[T]) -> Iterator[T]:
    """The same, the next one being read and parsed while this one is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="remit-dump") as reader:
        coming = reader.submit(next, portions, None)
        while (portion := coming.result()) is not None:
            coming = reader.submit(next, portions, None)
            yield portion
