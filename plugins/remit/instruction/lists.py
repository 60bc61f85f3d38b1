"""Lists of values that limit rows, and the columns that join one table to another."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import model_validator

from remit.columns import ColumnType
from remit.instruction.forms import DeclaredType, Misfit, Name, Strict, said
from remit.ports import Membership


class ListRule(Strict):
    """Rows whose column is one of the values listed."""

    column: Annotated[Name, said("The column that is compared; it need not leave")]
    type: Annotated[DeclaredType, said("What the column is at the source; string if left out")] = (
        "string"
    )
    values: Annotated[
        list[Name | bool | int], said("The values allowed", "5(1)(c)", alias="in", min_length=1)
    ]

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        kind = ColumnType.parse(self.type)
        if kind.name not in _LISTED and not is_whole(kind):
            raise Misfit("must be string, boolean, integer, uuid or decimal(p,0)", "type")
        needed = bool if kind.name == "boolean" else int if is_whole(kind) else str
        for index, value in enumerate(self.values):
            if type(value) is not needed:
                said = f"the values of a {kind} column are {_VALUES[needed]}"
                raise Misfit(said, "in", index)
        if kind.name == "uuid":
            self._require_uuids()
        return self

    def membership(self) -> Membership:
        """The limit as sources take it."""
        return Membership(
            self.column, tuple(map(_written, self.values)), ColumnType.parse(self.type)
        )

    def _require_uuids(self) -> None:
        for index, value in enumerate(self.values):
            try:
                same = str(UUID(str(value))) == value
            except ValueError:
                same = False
            if not same:
                raise Misfit("a uuid is written in lower case with its four hyphens", "in", index)


_LISTED = ("string", "boolean", "uuid")
_VALUES = {
    bool: "true or false",
    int: "whole numbers",
    str: "texts (in quotes, if YAML takes them for something else)",
}


def is_whole(kind: ColumnType) -> bool:
    """Whether a type holds whole numbers only, so that it can be joined with any other such."""
    return kind.name == "integer" or (kind.name == "decimal" and kind.scale == 0)


def _written(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Join(Strict):
    """A column of this table, and the column of the other one that it must be found in."""

    column: Annotated[Name, said("The column of this table")]
    type: Annotated[DeclaredType, said("What it is at the source")]
    to: Annotated[Name, said("The column of the other table")]
    to_type: Annotated[
        DeclaredType | None,
        said("What that is at the source, if it is another type of whole numbers"),
    ] = None

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if self.to_type and not (is_whole(self.own) and is_whole(self.other)):
            raise Misfit("only whole numbers (integer, decimal(p,0)) join another type", "to_type")
        return self

    @property
    def own(self) -> ColumnType:
        """The type of this table's column."""
        return ColumnType.parse(self.type)

    @property
    def other(self) -> ColumnType:
        """The type of the other table's column."""
        return ColumnType.parse(self.to_type or self.type)
