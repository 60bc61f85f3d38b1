"""Which columns of which tables may leave, and as what."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import model_validator

from remit import canonical
from remit.columns import ColumnType
from remit.instruction.forms import (
    Category,
    ColumnName,
    DeclaredType,
    Lacking,
    Misfit,
    Name,
    Statement,
    Strict,
    Text,
    once,
    said,
)
from remit.instruction.identifiers import Identifiers
from remit.instruction.rows import Rows, limiting
from remit.instruction.subjects import DataSubject, SubjectNames
from remit.instruction.transformations import KEEP, Keep, Transformation
from remit.ports import Relation, TableQuery

_OF_THE_TEXT = ("keep", "truncate")
"""Transformations of which some of a text's own words leave."""


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
    identifiers: Annotated[
        Identifiers | None, said("What becomes of direct identifiers in the text", "25(1)")
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
        self._require_treatment()
        return self

    def _require_treatment(self) -> None:
        text_leaves = self.declared.name == "string" and self.transformation.kind in _OF_THE_TEXT
        if self.identifiers and not text_leaves:
            raise Misfit(
                "identifiers are looked for in a string of which something leaves", "identifiers"
            )
        if self.free_text and text_leaves and self.identifiers is None:
            raise Lacking(
                "free text is looked through for direct identifiers: say whether they stop it, "
                "are redacted or counted, such as {treatment: stop}",
                "identifiers",
            )

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
    def looks_for_names(self) -> bool:
        """Whether its texts are looked through for the names of the row's own data subject."""
        return self.identifiers is not None and self.identifiers.of_names

    @property
    def is_kept(self) -> bool:
        """Whether values leave as they are."""
        return isinstance(self.transformation, Keep)


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
    subject_names: Annotated[
        SubjectNames | None,
        said("Where the names of a row's own data subject are, to be found in free text", "25(1)"),
    ] = None
    columns: Annotated[
        list[Column], said("The columns that may leave, and no other", "5(1)(c)", min_length=1)
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        once([column.name for column in self.columns], "column", "columns")
        if self.data_subject and self.no_data_subject:
            raise Misfit("data_subject and no_data_subject exclude each other", "no_data_subject")
        self._require_names()
        names = [column.name for column in self.columns]
        declared = {column.name: column.type for column in self.columns}
        for name, kind in self._needed():
            if declared.setdefault(name, kind) != kind:
                at = ("columns", names.index(name), "type") if name in names else ("rows",)
                raise Misfit(f"column {name} is {declared[name]}, but limits rows as {kind}", *at)
        return self

    def _require_names(self) -> None:
        looking = [i for i, column in enumerate(self.columns) if column.looks_for_names]
        if looking and self.subject_names is None:
            raise Lacking(
                "names are looked for: say in the table's subject_names which columns have them, or "
                "leave name out of the kinds",
                "columns", looking[0], "identifiers",
            )  # fmt: skip
        if self.subject_names and not looking:
            raise Misfit("no column's identifiers are looked for by name", "subject_names")

    def _needed(self) -> list[tuple[str, str]]:
        needed = [(name, str(kind)) for name, kind in limiting(self.query())]
        for way in self.ways():
            needed += [(name, str(kind)) for name, kind in way.own_columns().items()]
        return needed

    def ways(self) -> list[DataSubject | SubjectNames]:
        """The ways from a row to the person whose data it is."""
        return [way for way in (self.data_subject, self.subject_names) if way]

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


def columns_digest(table: Table) -> str:
    """SHA-256 over the names and delivered types of the columns, in order, and what was done to them."""
    columns: list[list[Any]] = [[c.name, str(c.delivered)] for c in table.columns]
    for column, described in zip(table.columns, columns, strict=True):
        if not column.is_kept:
            described.append(column.transformation.model_dump())
    return canonical.sha256(canonical.dumps(columns))
