"""The form of a dump: a source that only exists as files, which say nothing of their own types."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from remit.instruction.forms import ColumnName, Lacking, Misfit, Name, Strict, once, said

WIDEST = 1 << 16
"""How many characters a line of fixed width can have."""

Encoding = Literal[
    "utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "iso-8859-15", "cp1252", "cp850"
]  # fmt: skip
Days = Literal[
    "yyyy-MM-dd", "yyyyMMdd", "yyyy/MM/dd", "dd/MM/yyyy", "dd-MM-yyyy", "dd.MM.yyyy", "MM/dd/yyyy"
]  # fmt: skip
Moments = Literal[
    "yyyy-MM-ddTHH:mm:ss",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm",
    "yyyyMMddHHmmss",
    "dd/MM/yyyy HH:mm:ss",
    "dd/MM/yyyy HH:mm",
    "dd.MM.yyyy HH:mm:ss",
    "MM/dd/yyyy HH:mm:ss",
]
_NAME = r"(?!\.)[^/\\\x00-\x1f\x7f]{1,255}"


def _plain_name(text: str) -> str:
    # One component, so that no path leads out of the folder; none that is hidden or a folder itself.
    if not 0 < len(text) <= 255 or text[0] == "." or any(c in "/\\" or c < " " for c in text):
        raise ValueError("must be a file's name without a folder, not beginning with a dot")
    return text


DumpName = Annotated[
    str,
    AfterValidator(_plain_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"}),
]
Mark = Annotated[str, Field(max_length=64)]


class FixedColumn(Strict):
    """Where a column is in each line of fixed width."""

    name: Annotated[ColumnName, said("The column's name", "28(3)(a)")]
    start: Annotated[int, said("Its first character; the line's first is 1", ge=1, le=WIDEST)]
    width: Annotated[int, said("How many characters it has", ge=1, le=WIDEST)]
    padding: Annotated[
        Literal["right", "left", "zeros"],
        said("What fills it up: blanks at the right or left, or zeros before a number"),
    ] = "right"

    @property
    def end(self) -> int:
        """Its last character."""
        return self.start + self.width - 1


class DumpFile(Strict):
    """One file of a dump: one table."""

    table: Annotated[Name, said("The table, as tables[] and `through` name it at the source")]
    file: Annotated[
        DumpName, said("The file in the dump's folder; one ending in .gz is unpacked", "28(3)(a)")
    ]
    line: Annotated[
        int | None,
        said("Fixed width: how many characters each line has", ge=1, le=WIDEST),
    ] = None
    columns: Annotated[
        list[FixedColumn] | None, said("Fixed width: where the columns are", min_length=1)
    ] = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        once([column.name for column in self.columns or []], "column", "columns")
        for index, column in enumerate(self.columns or []):
            if self.line is not None and column.end > self.line:
                raise Misfit(f"column {column.name} ends behind the line", "columns", index)
        return self


class Dump(Strict):
    """The form of a dump."""

    kind: Annotated[
        Literal["csv", "fixed"], said("Separated fields, or fields of fixed width", "28(3)(a)")
    ]
    encoding: Annotated[Encoding, said("What bytes the characters are", "5(1)(d)")]
    separator: Annotated[
        Literal[",", ";", "|", "\t"] | None, said("csv: what is between two fields", "5(1)(d)")
    ] = None
    quote: Annotated[
        Literal['"', "'", "none"], said("csv: what fields with separators are quoted with")
    ] = '"'
    decimal_mark: Annotated[Literal[".", ","], said("What is before the decimals", "5(1)(d)")]
    dates: Annotated[Days, said("How dates are written", "5(1)(d)")] = "yyyy-MM-dd"
    timestamps: Annotated[
        Moments, said("How moments are written; a timestamptz with its offset behind", "5(1)(d)")
    ] = "yyyy-MM-ddTHH:mm:ss"
    true_text: Annotated[Mark, said("What means true")] = "true"
    false_text: Annotated[Mark, said("What means false")] = "false"
    missing: Annotated[
        list[Mark], said("Which fields have no value; the empty one if left out", "5(1)(d)")
    ] = [""]  # noqa: RUF012  (pydantic copies it)
    quoted_missing: Annotated[
        bool, said("Whether they mean that in quotes too; if not, such a text is a value")
    ] = False
    files: Annotated[
        list[DumpFile], said("The files, one for each table", "28(3)(a)", min_length=1)
    ]

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        once([file.table for file in self.files], "table", "files", "table")
        once([file.file for file in self.files], "file", "files", "file")
        if self.true_text == self.false_text:
            raise Misfit("true and false are written differently", "false_text")
        if self.kind == "csv" and self.separator is None:
            raise Lacking("csv has a separator", "separator")
        if self.kind == "fixed" and self.separator is not None:
            raise Misfit("fields of fixed width have no separator", "separator")
        for index, file in enumerate(self.files):
            self._require_places(index, file)
        return self

    def _require_places(self, index: int, file: DumpFile) -> None:
        fixed = self.kind == "fixed"
        for name, given in (("line", file.line), ("columns", file.columns)):
            if fixed and given is None:
                raise Lacking(f"a file of fixed width has {name}", "files", index, name)
            if not fixed and given is not None:
                raise Misfit(f"only a file of fixed width has {name}", "files", index, name)
