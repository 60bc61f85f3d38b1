"""The ways from a row to the person whose data it is: to their id, and to their names."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from remit.columns import ColumnType
from remit.instruction.forms import DeclaredType, Misfit, Name, Strict, said
from remit.instruction.lists import Join
from remit.ports import Relation
from remit.pseudonyms import require_text


class SubjectStep(Strict):
    """A step from a row to the data subject: to another table, by its key."""

    relation: Annotated[Name, said("The other table or view, as the source has it", alias="table")]
    schema_name: Annotated[
        Name | None, said("Its schema; the source's default one if left out", alias="schema")
    ] = None
    join: Annotated[list[Join], said("Column by column; several for a composite key", min_length=1)]

    @property
    def there(self) -> Relation:
        """The other table at the source."""
        return Relation(self.schema_name, self.relation)


class DataSubject(Strict):
    """The column that names whose data a row is; it need not leave."""

    column: Annotated[
        Name, said("A column of the table, or of the last one that `through` leads to", "28(3)(e)")
    ]
    type: Annotated[DeclaredType, said("What it is at the source")]
    through: Annotated[
        list[SubjectStep] | None,
        said("Where another table has the column: the way there", "28(3)(e)", min_length=1),
    ] = None

    @model_validator(mode="after")
    def _nameable(self) -> Self:
        try:
            require_text(ColumnType.parse(self.type))
        except ValueError as error:
            raise Misfit(str(error), "type") from None
        return self

    def sought(self) -> dict[str, ColumnType]:
        """The column at the end of the way, with its type."""
        return {self.column: ColumnType.parse(self.type)}

    def own_columns(self) -> dict[str, ColumnType]:
        """The columns of the table itself that are needed, with their types."""
        if self.through:
            return {join.column: join.own for join in self.through[0].join}
        return self.sought()


class SubjectNames(Strict):
    """The columns with the names of the person whose data a row is; they need not leave."""

    columns: Annotated[
        list[Name],
        said(
            "Columns of text in the table, or in the last one that `through` leads to",
            "25(1)",
            min_length=1,
            examples=[["last_name", "birth_name", "first_name"]],
        ),
    ]
    through: Annotated[
        list[SubjectStep] | None,
        said("Where another table has the columns: the way there", "25(1)", min_length=1),
    ] = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for index, name in enumerate(self.columns):
            if name in self.columns[:index]:
                raise Misfit(f"column {name} appears twice", "columns", index)
        return self

    def sought(self) -> dict[str, ColumnType]:
        """The columns at the end of the way, with their type."""
        return dict.fromkeys(self.columns, ColumnType("string"))

    def own_columns(self) -> dict[str, ColumnType]:
        """The columns of the table itself that are needed, with their types."""
        if self.through:
            return {join.column: join.own for join in self.through[0].join}
        return self.sought()
