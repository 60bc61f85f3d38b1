"""One file of a dump as rows of texts: separated fields, or fields of fixed width."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from remit.adapters.dump_source.decoding import Place, decoded
from remit.adapters.dump_source.files import DumpFileReader
from remit.adapters.dump_source.marks import Marks, malformed
from remit.adapters.dump_source.records import Header, Portion, read_header, whole_records
from remit.instruction.dump import Dump, DumpFile, FixedColumn

_NEVER = "\x1f"
"""Separates nothing; a line of fixed width that has it is refused."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows of a file, as text; `line_of` gives the line that one of them begins with."""

    rows: pa.RecordBatch
    line_of: Callable[[int], int]


class TextTable(Protocol):
    """A file's rows."""

    def names(self) -> tuple[str, ...]:
        """The columns that it has."""

    def rows(self, columns: Collection[str]) -> Iterator[Texts]:
        """All rows, of these columns alone."""


def text_table(form: Dump, file: DumpFile, reader: DumpFileReader) -> TextTable:
    """The rows of an open file."""
    if form.kind == "fixed":
        return FixedTable(form, file, reader)
    return SeparatedTable(form, reader)


class SeparatedTable:
    """Rows of separated fields, under a header."""

    def __init__(self, form: Dump, reader: DumpFileReader) -> None:
        self._form, self._reader = form, reader
        self._separator = form.separator or _NEVER
        self._quote = None if form.quote == "none" else form.quote

    def names(self) -> tuple[str, ...]:
        """The header's names. Raises: Refused, Unavailable."""
        header, _, _ = self._begun()
        return header.names

    def rows(self, columns: Collection[str]) -> Iterator[Texts]:
        """All rows. Raises: Refused, Unavailable."""
        header, first, portions = self._begun()
        asked = [name for name in header.names if name in columns] or [header.names[0]]
        if first.text:
            yield self._split(first, header, asked)
        for portion in portions:
            yield self._split(portion, header, asked)

    def _begun(self) -> tuple[Header, Portion, Iterator[Portion]]:
        chunks, name = self._reader.chunks(), self._reader.name
        lines = decoded(chunks, self._form.encoding, name)
        portions = whole_records(lines, self._quote)
        header, first = read_header(portions, self._separator, self._quote, name)
        return header, first, portions

    def _split(self, portion: Portion, header: Header, asked: Sequence[str]) -> Texts:
        marks = Marks(portion.text, self._separator, self._quote, portion.place)
        marks.require_form(header.crlf)
        rows = _parsed(portion.text, self._separator, self._quote, header.names, asked, self._form)
        if rows is None:  # the parser's own words hold the row
            raise marks.wrong_fields(len(header.names))
        if len(header.names) > 1:  # else an empty line is a row without a value
            marks.refuse_blank(rows.num_rows, header.crlf)
        return Texts(rows, marks.line_of)


class FixedTable:
    """Rows of fixed width, without a header."""

    def __init__(self, form: Dump, file: DumpFile, reader: DumpFileReader) -> None:
        self._form, self._reader = form, reader
        self._columns, self._line = file.columns or [], file.line or 0

    def names(self) -> tuple[str, ...]:
        """The names declared."""
        return tuple(column.name for column in self._columns)

    def rows(self, columns: Collection[str]) -> Iterator[Texts]:
        """All rows. Raises: Refused, Unavailable."""
        asked = [column for column in self._columns if column.name in columns] or self._columns[:1]
        chunks, crlf = self._reader.chunks(), None
        for place, text in decoded(chunks, self._form.encoding, self._reader.name):
            crlf = text[: text.find(b"\n")].endswith(b"\r") if crlf is None else crlf
            Marks(text, _NEVER, None, place).require_form(crlf)
            lines = self._lines(text, place)
            yield Texts(
                pa.RecordBatch.from_arrays(
                    [self._field(lines, column) for column in asked],
                    [column.name for column in asked],
                ),
                lambda row, place=place: place.line + row,  # type: ignore[misc]
            )

    def _lines(self, text: bytes, place: Place) -> pa.StringArray:
        found = _parsed(text, _NEVER, None, ("line",), ("line",), None)
        if found is None:
            raise malformed(place.at(text, 0), "the lines from here cannot be read")
        lines = found.column(0)
        lengths = pc.utf8_length(lines)
        wrong = pc.indices_nonzero(pc.not_equal(lengths, self._line))
        if len(wrong):
            row = wrong[0].as_py()
            cut = " (the file's last line may be cut short)" if row == len(lines) - 1 else ""
            raise malformed(
                f"{place.file} line {place.line + row}",
                f"the line has {lengths[row].as_py()} characters, declared are {self._line}{cut}",
            )
        return lines

    def _field(self, lines: pa.StringArray, column: FixedColumn) -> pa.StringArray:
        field = pc.utf8_slice_codeunits(lines, column.start - 1, column.end)
        trim = pc.utf8_rtrim if column.padding == "right" else pc.utf8_ltrim
        field = trim(field, " ")
        if column.padding == "zeros":  # the last one is the number's own
            field = pc.replace_substring_regex(field, r"^0+(\d)", r"\1")
        missing = pc.is_in(field, pa.array(self._form.missing, pa.string()))
        return pc.if_else(missing, pa.scalar(None, pa.string()), field)


def _parsed(
    text: bytes,
    separator: str,
    quote: str | None,
    names: Sequence[str],
    asked: Sequence[str],
    form: Dump | None,
) -> pa.RecordBatch | None:
    """The columns asked for, as text; None where a row has too many or too few fields."""
    csv = pyarrow.csv
    if text.startswith(BOM_UTF8):  # the parser would drop it; the file's own is gone already
        text = BOM_UTF8 + text
    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(column_names=list(names), block_size=max(len(text) + 1, 1 << 10)),
            csv.ParseOptions(
                delimiter=separator,
                quote_char=quote or False,
                double_quote=True,
                escape_char=False,
                newlines_in_values=quote is not None,
                ignore_empty_lines=len(names) > 1,
            ),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(asked),
                null_values=form.missing if form else [],
                strings_can_be_null=form is not None,
                quoted_strings_can_be_null=form is not None and form.quoted_missing,
            ),
        )
    except pa.ArrowException:
        return None
    rows: pa.RecordBatch = table.combine_chunks().to_batches()[0]
    return rows
