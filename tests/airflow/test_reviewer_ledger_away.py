"""Pages while somebody else has the ledger's file, and while it is gone: told soon, and nothing is made."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.airflow.test_reviewer_gate import HEADERS, headers_of

from remit.reviewer.reading import PATIENCE
from remit.testing.world import World

PATHS = ["/remit/overview", "/remit/runs/known-run", "/remit/alerts"]


@pytest.fixture
def file(reviewed: World, logged_in: Callable[..., Any]) -> Path:
    for path in PATHS:
        assert logged_in("vera").get(path).status_code == 200
    return reviewed.root / "processor" / "evidence.sqlite"


@pytest.fixture
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def require_told(answer: Any, file: Path) -> None:
    assert (answer.status_code, headers_of(answer)) == (503, HEADERS)
    assert str(file) not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_ledger_that_is_locked_is_not_waited_for(
    logged_in: Callable[..., Any], locked: None, file: Path, path: str
) -> None:
    began = time.monotonic()
    require_told(logged_in("vera").get(path), file)
    assert time.monotonic() - began < 2 * PATIENCE + 4  # the page's own, and its banner's


@pytest.mark.parametrize("path", PATHS)
def test_a_ledger_that_is_gone_is_not_made_anew(
    logged_in: Callable[..., Any], file: Path, path: str
) -> None:
    away = file.rename(file.with_suffix(".away"))
    try:
        require_told(logged_in("vera").get(path), file)
        assert not file.exists()
    finally:
        away.rename(file)
    assert logged_in("vera").get(path).status_code == 200
