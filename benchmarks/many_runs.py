"""A log of many runs: those of a few real ones, written again under other names, at other times.

Each kind of run was made for real, by the steps themselves, and stopped where a reviewer would meet it:
deleted after its confirmation, waiting for the receipt, refused and deleted, held, overdue. Runs are
filled up with records of pieces, as large extracts have them, until the log has as many as asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.evidence import Content
from benchmarks.many_registers import fill_registers
from remit.custody import REGISTER, Run
from remit.errors import Refused
from remit.evidence import EvidenceLog, Fact, Record, timestamp
from remit.instruction import read_signed
from remit.ports import Rule, Verdict
from remit.testing.world import World, by

DAGS = 24
INSTRUCTIONS = 12
VERA = {"name": "Vera Blanc", "email": "vera.blanc@migrations.example", "account": "vera"}
"""Who looks at the pages, and acts on them."""
# Of every hundred runs so many are of a kind; a deployment keeps what is done.
_SHARES = {"deleted": 84, "waiting": 5, "stopped": 5, "refused": 3, "held": 2, "overdue": 1}


class Strict(Content):
    """A judge for whom nothing is good enough."""

    def judge(self, _: Any, rules: list[Rule], __: Any = None) -> list[Verdict]:
        """Nothing holds."""
        return [Verdict(rule.id, rule.type, (), success=False) for rule in rules]


@dataclass
class Filling:
    """The clock of the log that is filled, and what it got: of each run its name and its kind."""

    now: datetime
    runs: list[tuple[str, str]]

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.now


def real_runs(world: World) -> tuple[dict[str, list[list[Record]]], list[Record]]:
    """For each kind the records of runs under each of several instructions; and the register's records."""
    found: dict[str, list[list[Record]]] = {kind: [] for kind in _SHARES}
    for number in range(INSTRUCTIONS):
        envelope = read_signed(_instruct(world, number))
        kinds = _SHARES if number == 0 else ("deleted", "waiting")
        for kind in kinds:
            run = Run(f"real-{kind}-{number}", world.deployment(), "benchmark")
            run.open(envelope, world.source().label, str(world.landing_path))
            _play(world, run, kind)
            found[kind].append(run.story.records)
    _instruct_again(world)
    return found, world.deployment().log.records(REGISTER)


def _instruct(world: World, number: int) -> Any:
    def edit(fields: dict[str, Any]) -> None:
        fields["id"] = f"site-{number:03}"
        fields["contacts"]["authorised"].append(VERA)

    return world.controller.instruct(world.parties, f"site-{number:03}.yaml", edit)


def _instruct_again(world: World) -> None:
    """A second version of the first instruction, so that two can be compared."""
    first = world.deployment().log.records(REGISTER)[0].data["instruction"]

    def edit(fields: dict[str, Any]) -> None:
        fields |= {"id": first["id"], "version": 2}
        fields["supersedes"] = {"version": 1, "digest": first["digest"]}
        fields["retention"]["without_confirmation"] = "P30D"
        fields["contacts"]["authorised"].append(VERA)

    path = world.controller.instruct(world.parties, "site-000-2.yaml", edit)
    run = Run("real-second-version", world.deployment(), "benchmark")
    run.open(read_signed(path), world.source().label, str(world.landing_path))


def _play(world: World, run: Run, kind: str) -> None:
    if kind == "stopped":
        with suppress(Refused):
            world.deliver(run, Strict())
        return
    steps = world.steps(run, Content())
    if kind == "refused":
        steps["plan"]()
        with suppress(Refused):
            run.seal()
        return
    world.deliver(run, Content())
    if kind == "held":
        run.hold(by("Camille Moreau"), "An audit", world.clock() + timedelta(days=20))
    if kind == "deleted":
        world.ingest(run)
        run.confirm(world.landing())
        run.delete(world.landing)


def fill(log: EvidenceLog, clock: Filling, world: World, runs: int, records: int) -> None:
    """Append them: `runs` runs over the past year, `records` records in all."""
    patterns, register = real_runs(world)
    log.append_all([Fact(REGISTER, one.kind, one.data, one.step) for one in register], "benchmark")
    kinds = [kind for kind, share in _SHARES.items() for _ in range(share)]
    pieces = _pieces_each(patterns, runs, records - len(register))
    start, end = clock.now, datetime.now(UTC)
    for number in range(runs):
        # In an order that mixes the kinds.
        kind = kinds[number * 37 % 100]
        of_kind = patterns[kind]
        name = f"nightly-{number % DAGS:02}-{number:08}"
        clock.runs.append((name, kind))
        clock.now = start + (end - start) * number / runs
        again = _again(name, of_kind[number % len(of_kind)], pieces, clock.now, kind)
        log.append_all([*again], f"airflow:nightly_{number % DAGS:02}/scheduled__{number}")
    fill_registers(log, world, clock.runs)


def _pieces_each(patterns: dict[str, list[list[Record]]], runs: int, records: int) -> int:
    """How many pieces each run that was extracted gets, so that there are so many records."""
    own = with_pieces = 0
    for kind, share in _SHARES.items():
        pattern = patterns[kind][0]
        own += len(pattern) * share * runs // 100
        with_pieces += share * runs // 100 * any(one.kind == "extracted" for one in pattern)
    return max(0, -(-(records - own) // with_pieces))


def _again(
    name: str, pattern: list[Record], pieces: int, now: datetime, kind: str
) -> Iterator[Fact]:
    for one in pattern:
        data = one.data
        if one.kind in ("obliged", "confirmed") and kind != "deleted":
            data = data | {"due": timestamp(_due(now, kind))}
        if one.kind == "extracted":
            yield from _pieces(name, data["files"][0], pieces)
        yield Fact(name, one.kind, data, None)


def _due(now: datetime, kind: str) -> datetime:
    """Seven days from when the run is said to have begun, or from now where nothing may be overdue."""
    week, today = timedelta(days=7), datetime.now(UTC)
    return min(now + week, today - timedelta(hours=1)) if kind == "overdue" else today + week


def _pieces(name: str, file: dict[str, Any], pieces: int) -> Iterator[Fact]:
    for number in range(1, pieces + 1):
        one = file | {"name": f"results-{number:05}.parquet"}
        data = {
            "division": "0" * 32,
            "number": number,
            "file": one,
            "reconciled": ["value_numeric"],
        }
        yield Fact(name, "piece", data, None)
