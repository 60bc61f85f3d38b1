"""A table with one row per attribute: an approved column of values carries the approved attributes alone."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from remit.errors import Refused
from remit.ports import TableQuery
from remit.testing.canaries import find_planted
from remit.testing.world import World

sys.path.append(str(Path(__file__).parent))
extracts = import_module("random_extracts")

CODES = ("bloodGroup", "smoker", "weightKg")
LISTED = ", ".join(f"'{code}'" for code in CODES)
IN_SCOPE = (
    "site_code IN ('LYO1', 'LYO2') AND unixepoch(observed_at) >= unixepoch('2024-01-01T00:00:00+01:00')"
    " AND unixepoch(observed_at) < unixepoch('2025-01-01T00:00:00+01:00')"
)
APPROVED = "approved-attribute"


@pytest.fixture
def planted(world: World) -> list[str]:
    """A string of its own in each value of another code, as distinctive as a diagnosis is telling."""
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        others = f"FROM observation_history WHERE code NOT IN ({LISTED})"
        [(in_scope,)] = database.execute(f"SELECT count(*) {others} AND {IN_SCOPE}")
        assert in_scope  # else the codes would have nothing to hold back
        database.execute(
            "UPDATE observation_history SET value = 'secret-' || hex(randomblob(8))"
            f" WHERE code NOT IN ({LISTED})"
        )
        database.execute(
            "UPDATE observation_history SET value = ? WHERE observation_id ="
            f" (SELECT min(observation_id) FROM observation_history WHERE code IN ({LISTED})"
            f" AND {IN_SCOPE})",
            [APPROVED],
        )
        found = [value for (value,) in database.execute(f"SELECT value {others}")]
    database.close()
    return found


@pytest.fixture
def written(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Callable[[], list[Path]]:
    """All that anybody wrote: staging, landing zone, ledger, keys, the target's database, what was said."""
    caplog.set_level(logging.DEBUG)

    def collect() -> list[Path]:
        said = world.root / "said"
        said.write_text(caplog.text + "".join(capfd.readouterr()))
        return [path for path in world.root.iterdir() if path.name != "lis.sqlite"]

    return collect


def only_these(fields: dict[str, Any]) -> None:
    """The attributes alone, without expectations, which say what they look like."""
    fields["tables"] = fields["tables"][1:]
    fields["expectations"] = []


def test_approved_value_column_without_codes_is_refused_before_a_row_is_read(
    world: World, planted: list[str], written: Callable[[], list[Path]]
) -> None:
    def edit(fields: dict[str, Any]) -> None:
        only_these(fields)
        del fields["tables"][0]["rows"]["codes"]

    run = world.open_run(edit=edit)

    with pytest.raises(Refused) as caught:
        world.steps(run)["plan"]()
    assert (caught.value.code, caught.value.where) == ("codes-missing", "observation_history.value")
    assert not run.story.has("planned")
    with pytest.raises(Refused):
        world.steps(run)["extract"]()
    assert find_planted(written(), [*planted, APPROVED]) == []


def test_with_codes_no_row_of_another_code_leaves_and_none_of_its_values_is_anywhere(
    world: World, planted: list[str], written: Callable[[], list[Path]]
) -> None:
    run = world.open_run(edit=only_these)
    world.deliver(run)
    staged = find_planted(written(), planted)  # while the extract is still in staging
    world.ingest(run)

    with sqlite3.connect(world.target.database) as target:
        arrived = target.execute("SELECT observation_id, code, value FROM observation_history")
        left = sorted(arrived.fetchall())
    target.close()
    with sqlite3.connect(world.root / "lis.sqlite") as source:
        by_hand = source.execute(
            "SELECT observation_id, code, value FROM observation_history"
            f" WHERE code IN ({LISTED}) AND {IN_SCOPE}"
        )
        assert left == sorted(by_hand.fetchall())
    source.close()
    assert {code for _, code, _ in left} == set(CODES)
    assert staged == find_planted(written(), planted) == []
    # Looking works: the one approved value is found in clear at the target, and nowhere else.
    places = {path for path, _ in find_planted(written(), [APPROVED])}
    assert places == {world.target.database}


def test_source_that_ignores_the_codes_is_refused_and_nothing_of_it_is_kept(
    world: World, planted: list[str], written: Callable[[], list[Path]]
) -> None:
    def without_codes(query: TableQuery) -> TableQuery:
        lists = tuple(one for one in query.memberships if one.column != "code")
        return replace(query, memberships=lists)

    run = world.open_run(edit=only_these)
    world.steps(run)["plan"]()
    careless = extracts.CarelessSource(world.source(), without_codes)

    with pytest.raises(Refused) as caught:
        run.extract(careless, lambda _table, _rows: None)
    assert caught.value.code == "row-outside-remit"
    assert caught.value.where == "observation_history.code"
    assert list((world.root / "processor" / "staging").rglob("*.parquet")) == []
    assert find_planted(written(), [*planted, APPROVED]) == []
