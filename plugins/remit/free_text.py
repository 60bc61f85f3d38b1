"""Free text: direct identifiers in it stop the extract, are redacted, or counted, as instructed.

Guarantee: of a column that stops or redacts, no text leaves in which an identifier of a kind looked
for is found, nor one that could not be looked through because no name of its person is known. What
is counted are texts; no text is in a refusal or a record, and no small count, nor one from which a
small one can be computed.
Not guaranteed: that the text tells nothing of a person (docs/free-text.md).
The caller must have checked before that the rows are within the instruction, and gives the columns
asked for here besides those that leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit.credentials import require_no_credentials
from remit.direct_identifiers import found_of_each, names_found, names_known, redacted
from remit.errors import Refused
from remit.instruction import Column, Table
from remit.instruction.identifiers import Identifiers
from remit.ports import Snapshot, TableQuery
from remit.small_counts import Count, in_words, is_small
from remit.subject_names import RowNames

_UNCHECKED = "[unchecked]"


@dataclass(frozen=True, slots=True)
class ScannedColumn:
    """How many texts of a column held what, as it may be told.

    Attributes:
        texts: how many there were; missing and blank ones do not count.
        identifying: how many of them held an identifier of any kind.
        kinds: how many held one of each kind; a text may hold several.
        unchecked: how many are of rows of which no name is known, though names are looked for.
    """

    column: str
    treatment: str
    texts: Count
    identifying: Count
    kinds: Mapping[str, Count]
    unchecked: Count

    def as_json(self) -> dict[str, Any]:
        """The counts as evidence gives them."""
        return asdict(self) | {"kinds": dict(self.kinds)}


def told(column: str, asked: Identifiers, counts: Counter[str], small: int) -> ScannedColumn:
    """What may be told of a column's counts.

    They are told as numbers where nothing small can be computed from them, else all in words, but
    for the texts if there are 3 n. So the counts of several files do not add up to a small one either.

    Args:
        counts: `rows`, `texts`, `identifying`, `unchecked`, and those of each kind.
        small: counts from 1 to below this are not told.
    """
    rows, texts = counts["rows"], counts["texts"]
    few = small > 1 and (texts < 3 * small or is_small(rows - texts, small))
    vague = few or any(
        is_small(part, small) or is_small(texts - part, small) for part in _parts(counts, asked)
    )

    def tell(name: str) -> Count:
        return in_words(counts[name], small) if vague else counts[name]

    kinds: dict[str, Count] = {kind: tell(kind) for kind in asked.kinds}
    return ScannedColumn(
        column,
        asked.treatment,
        in_words(texts, small) if few else texts,
        tell("identifying"),
        kinds,
        tell("unchecked"),
    )


def _parts(counts: Counter[str], asked: Identifiers) -> list[int]:
    """All that the counts say, and what can be computed from them, of the texts."""
    found, unchecked, kinds = counts["identifying"], counts["unchecked"], [*asked.kinds]
    return [
        found,
        unchecked,
        *(counts[kind] for kind in kinds),
        *(found - counts[kind] for kind in kinds),
        sum(counts[kind] for kind in kinds) - found,
        found + unchecked,
        counts["name"] + unchecked,
    ]


class FreeText:
    """Looks through the columns of one table for which identifiers are instructed.

    Attributes:
        columns: those of the table that it needs besides, with their types.
    """

    def __init__(
        self, table: Table, snapshot: Snapshot, scope: TableQuery, small_counts: int
    ) -> None:
        """Read the names that rows lead to, where names are looked for.

        Args:
            snapshot: the one that the rows come from.
            scope: the rows of the table that are in scope.
            small_counts: counts from 1 to below this are not told.

        Raises:
            Refused, Unavailable: as `RowNames`.
        """
        self._columns = {c.name: (c, c.identifiers) for c in table.columns if c.identifiers}
        names = table.subject_names
        self._names = RowNames(names, snapshot, scope) if names else None
        self._table, self._small = table.name, small_counts
        self.columns = self._names.columns if self._names else {}
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in self._columns}

    def anew(self) -> FreeText:
        """The same check, that has seen no text; it shares the names that were read for it."""
        other = copy(self)
        other._counts = {name: Counter() for name in self._columns}
        return other

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as it may leave, in the same columns.

        Raises:
            Refused: free-text-identifies, free-text-unchecked.
        """
        names = self._names.of(batch) if self._names else []
        for name, (column, asked) in self._columns.items():
            place = batch.schema.get_field_index(name)
            texts = batch.column(place)
            treated = self._treated(column, asked, texts, names if asked.of_names else [])
            batch = batch.set_column(place, batch.schema.field(place), treated)
        return batch

    def scanned(self) -> tuple[ScannedColumn, ...]:
        """What may be told of what was found so far, column by column."""
        return tuple(map(self._told, self._columns))

    def _told(self, name: str) -> ScannedColumn:
        return told(name, self._columns[name][1], self._counts[name], self._small)

    def _treated(
        self, column: Column, asked: Identifiers, texts: pa.Array, names: list[pa.Array]
    ) -> pa.Array:
        unchecked = pa.repeat(False, len(texts))
        written = pc.fill_null(pc.match_substring_regex(texts, r"\S"), False)
        if asked.of_names:
            unchecked = pc.and_not(written, names_known(names, len(texts)))
        found = self._count(column.name, asked, texts, names, written, unchecked)
        if asked.treatment == "stop":
            self._require_none(column.name)
        if asked.treatment != "redact" or not (found.true_count or unchecked.true_count):
            return texts
        # As the source has it: what is left of a redacted one might not be known for one.
        require_no_credentials(texts, f"{self._table}.{column.name}")
        known = [kind for kind in asked.kinds if kind != "name"]
        pieces = redacted(texts.filter(found), known, [values.filter(found) for values in names])
        return pc.if_else(unchecked, _UNCHECKED, pc.replace_with_mask(texts, found, pieces))

    def _count(
        self, name: str, asked: Identifiers, texts: pa.Array, names: list[pa.Array],
        written: pa.BooleanArray, unchecked: pa.BooleanArray,
    ) -> pa.BooleanArray:  # fmt: skip
        """Count what is found; True for each text in which something is."""
        hits = found_of_each(texts, [kind for kind in asked.kinds if kind != "name"])
        if asked.of_names:
            hits["name"] = names_found(texts, names)
        counts, some = self._counts[name], pa.repeat(False, len(texts))
        for kind, hit in hits.items():
            counts[kind] += hit.true_count
            some = pc.or_(some, pc.fill_null(hit, False))
        counts["rows"] += len(texts)
        counts["texts"] += written.true_count
        counts["identifying"] += some.true_count
        counts["unchecked"] += unchecked.true_count
        return some

    def _require_none(self, name: str) -> None:
        column = self._told(name)
        if column.identifying:
            kinds = ", ".join(f"{kind} in {count}" for kind, count in column.kinds.items() if count)
            raise Refused(
                "free-text-identifies",
                f"{self._table}.{name}",
                f"{column.identifying} of {column.texts} texts read so far hold direct identifiers "
                f"({kinds}).",
                "nothing was kept; leave the column out, or have the controller instruct to redact them.",
            )
        if column.unchecked:
            raise Refused(
                "free-text-unchecked",
                f"{self._table}.{name}",
                f"{column.unchecked} of {column.texts} texts read so far are of rows that lead to no "
                "name to look for.",
                "correct the way in subject_names, limit the rows to those of persons, or have the "
                "controller leave name out of the kinds.",
            )


def free_text(
    table: Table, snapshot: Snapshot, scope: TableQuery, small_counts: int
) -> FreeText | None:
    """The check of a table; None where no column of it is looked through. Raises like `FreeText`."""
    if not any(column.identifiers for column in table.columns):
        return None
    return FreeText(table, snapshot, scope, small_counts)
