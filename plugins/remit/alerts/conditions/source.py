"""The source is not as it was: other columns, or far more or fewer rows than usual."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from remit.alerts.conditions.found import Condition
from remit.alerts.memory import Memory, rows_of
from remit.evidence import Record

ENOUGH = 2
"""From so many confirmed runs on there is a usual number of rows."""

_SHOWN = 5


def planned(record: Record, memory: Memory) -> Iterator[Condition]:
    """What changed at the source since the last plan."""
    drift = [one for one in record.data["plan"]["drift"] if one["at_source"]]
    if not drift:
        return
    first = "; ".join(f"{one['where']} {one['what']}" for one in drift[:_SHOWN])
    more = f"; and {len(drift) - _SHOWN} more" if len(drift) > _SHOWN else ""
    yield Condition(
        "drift",
        f"run {record.run}",
        f"Since run {record.data['plan']['previous']}: {first}{more}.",
        "nothing that is new leaves; ask the controller whether the instruction still says what is "
        "meant, above all where a new column may hold what an allowed one held.",
        run=record.run,
        seq=record.seq,
        of=memory.of_run(record.run),
    )


def extracted(record: Record, memory: Memory) -> Iterator[Condition]:
    """Rows, against the median of the instruction's confirmed runs before."""
    of, rows = memory.of_run(record.run), rows_of(record.data)
    earlier = memory.past_of(of).rows if of else []
    if of is None or len(earlier) < ENOUGH:
        return
    usual = int(median(earlier))
    if usual <= rows * of.unusual_times and rows <= usual * of.unusual_times:
        return
    yield Condition(
        "unusual-volume",
        f"run {record.run}",
        f"{rows} rows were extracted; {usual} are usual, the median of {len(earlier)} runs before.",
        "find out why before it is delivered; a hold does not stop a run, but revoking the "
        "instruction does.",
        run=record.run,
        seq=record.seq,
        of=of,
    )
