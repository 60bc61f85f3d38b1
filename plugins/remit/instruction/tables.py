"""Which columns of which tables may leave, and as what."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from remit.columns import ColumnType
from remit.instruction.forms import (
    Category,
    ColumnName,
    DeclaredType,
    Misfit,
    Name,
    Statement,
    Strict,
    Text,
    once,
    said,
)
from remit.instruction.lists import Join
from remit.instruction.rows import Rows, limiting
from remit.instruction.transformations import KEEP, Keep, Transformation
from remit.ports import Relation, TableQuery
from remit.pseudonyms import require_text


class Column(Strict):
    """A column that may leave."""

    name: Annotated[ColumnName, said("The column, exactly as at the source", "28(3)(a)")]
    type: Annotated[DeclaredType, said("What the column is at the source")]
    category: Annotated[Category, said("What it says of a person", "28(3), 9(1)")]
    purpose: Annotated[Text, said("Why this column is needed", "5(1)(c)")]
    nullable: Annotated[bool, said("False adds a rule that no value is missing")] = True
    free_text: Annotated[
        Statement | None,
        said(
            "Why a column of free text may leave",
            "5(1)(c)",
            examples=["The biologist's interpretation, which the treating doctor must still see"],
        ),
    ] = None
    transform: Annotated[
        Transformation | None, said("What is done to each value before it leaves", "25(1)")
    ] = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        try:
            self.transformation.delivered(self.declared)
        except ValueError as error:
            raise Misfit(str(error), "transform") from None
        if self.transformation.gives_null and not self.nullable:
            raise Misfit("this transformation gives NULL, so the column is nullable", "nullable")
        return self

    @property
    def declared(self) -> ColumnType:
        """The type at the source, parsed."""
        return ColumnType.parse(self.type)

    @property
    def transformation(self) -> Transformation:
        """What is done to each value; keeping it where nothing is said."""
        return self.transform or KEEP

    @property
    def delivered(self) -> ColumnType:
        """The type that leaves, after the transformation."""
        return self.transformation.delivered(self.declared)

    @property
    def is_kept(self) -> bool:
        """Whether values leave as they are."""
        return isinstance(self.transformation, Keep)


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

    def own_columns(self) -> dict[str, ColumnType]:
        """The columns of the table itself that are needed, with their types."""
        if self.through:
            return {join.column: join.own for join in self.through[0].join}
        return {self.column: ColumnType.parse(self.type)}


class At(Strict):
    """Where the source has a table, if not under the same name in the default schema."""

    schema_name: Annotated[
        Name | None, said("The schema; the source's default one if left out", alias="schema")
    ] = None
    relation: Annotated[
        Name, said("The table or view, exactly as at the source", "28(3)(a)", alias="table")
    ]


class Table(Strict):
    """A table of which columns and rows may leave."""

    name: Annotated[Name, said("The table's name, here and in the delivery", "28(3)(a)")]
    at: Annotated[At | None, said("Where the source has it, if not under that very name")] = None
    rows: Annotated[Rows, said("Which of its rows may leave", "5(1)(c)")]
    data_subject: Annotated[
        DataSubject | None,
        said("The column that says whose data a row is, for the suppress list", "28(3)(e)"),
    ] = None
    no_data_subject: Annotated[
        Statement | None,
        said(
            "With a suppress list: why no row is about a person",
            "28(3)(e)",
            examples=["Units of measurement, a list that concerns no patient"],
        ),
    ] = None
    columns: Annotated[
        list[Column], said("The columns that may leave, and no other", "5(1)(c)", min_length=1)
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        once([column.name for column in self.columns], "column", "columns")
        if self.data_subject and self.no_data_subject:
            raise Misfit("data_subject and no_data_subject exclude each other", "no_data_subject")
        names = [column.name for column in self.columns]
        declared = {column.name: column.type for column in self.columns}
        for name, kind in self._needed():
            if declared.setdefault(name, kind) != kind:
                at = ("columns", names.index(name), "type") if name in names else ("rows",)
                raise Misfit(f"column {name} is {declared[name]}, but limits rows as {kind}", *at)
        return self

    def _needed(self) -> list[tuple[str, str]]:
        needed = [(name, str(kind)) for name, kind in limiting(self.query())]
        if self.data_subject:
            own = self.data_subject.own_columns()
            needed += [(name, str(kind)) for name, kind in own.items()]
        return needed

    @property
    def relation(self) -> Relation:
        """The table or view at the source."""
        return (
            Relation(self.at.schema_name, self.at.relation)
            if self.at
            else Relation(None, self.name)
        )

    def query(self) -> TableQuery:
        """What may be asked of the source, and nothing else."""
        columns = tuple((column.name, column.declared) for column in self.columns)
        return self.rows.query(self.relation.schema, self.relation.table, columns)
