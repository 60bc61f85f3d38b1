"""What counts as ingested, and by which ways the target can say so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import model_validator

from remit.instruction.forms import ColumnName, Lacking, Misfit, Name, Strict, Text, once, said

Level = Literal["L1", "L2", "L3"]
Way = Literal["receipt", "audit_table", "bulk_submit", "control_file"]


class Recount(Strict):
    """Where the target loaded a table, so that the processor can count its rows itself."""

    table: Annotated[Name, said("Which of the tables that leave")]
    relation: Annotated[Name, said("The table or view at the target in which its rows are")]
    schema_name: Annotated[
        Name | None, said("Its schema; the target's default one if left out", alias="schema")
    ] = None
    run: Annotated[
        ColumnName | None,
        said("Its column, of text, that holds the run's id; without it every row is counted"),
    ] = None


class AuditTable(Strict):
    """The target's own table of what it loaded; it is read, never written."""

    connection: Annotated[Name, said("The Airflow connection by which it is read")]
    relation: Annotated[Name, said("The table or view, one row for each table that was loaded")]
    schema_name: Annotated[
        Name | None, said("Its schema; the target's default one if left out", alias="schema")
    ] = None
    run: Annotated[ColumnName, said("Its column, of text, with the run's id")] = "run"
    table: Annotated[ColumnName, said("Its column, of text, with the table's name as instructed")]
    rows: Annotated[ColumnName, said("Its column, of whole numbers, with the rows loaded")]
    status: Annotated[ColumnName, said("Its column, of text, with what became of the load")]
    loaded: Annotated[Text, said("The status that says that a table is loaded")]
    failed: Annotated[
        list[Text],
        said("Statuses that say that it is not, and will not be", default_factory=list),
    ]
    recount: Annotated[
        list[Recount],
        said("The tables whose rows are counted again; all of them for L2", default_factory=list),
    ]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        once([one.table for one in self.recount], "recount of table", "recount", "table")
        if self.loaded in self.failed:
            raise Misfit("a status cannot say both", "failed")
        return self


class BulkSubmit(Strict):
    """A FHIR server whose $bulk-submit-status says what became of the submission named as the run."""

    connection: Annotated[Name, said("The Airflow connection, of type http, of the FHIR base")]
    system: Annotated[Text, said("System of the submitter's identifier at the target")]
    value: Annotated[Text, said("Value of the submitter's identifier at the target")]


class Confirmation(Strict):
    """What counts as ingested, and by which ways the target can say so."""

    level: Annotated[
        Level,
        said("How much must be shown: L3 reconciled and signed, L2 processed, L1 taken over"),
    ]
    by: Annotated[
        list[Way],
        said(
            "The ways that are taken, in the order in which they are looked at",
            default_factory=lambda: ["receipt"],
            min_length=1,
        ),
    ]
    audit_table: Annotated[
        AuditTable | None, said("Where the target says what it loaded, for this way")
    ] = None
    bulk_submit: Annotated[BulkSubmit | None, said("Where the target is asked, for this way")] = (
        None
    )

    @model_validator(mode="after")
    def _described(self) -> Self:
        for index, way in enumerate(self.by):
            if way in self.by[:index]:
                raise Misfit(f"{way} appears twice", "by", index)
        for way in ("audit_table", "bulk_submit"):
            if (way in self.by) != (getattr(self, way) is not None):
                raise Lacking(f"{way} is described exactly when it is among by", way)
        return self

    def require_reachable(self, tables: Collection[str]) -> None:
        """Misfit where a way can never show as much as is instructed.

        Args:
            tables: the names of the tables that leave.
        """
        for index, one in enumerate(self.audit_table.recount if self.audit_table else []):
            if one.table not in tables:
                raise Misfit(
                    f"{one.table} is not among the tables",
                    "confirmation", "audit_table", "recount", index, "table",
                )  # fmt: skip
        for index, way in enumerate(self.by):
            if (reached := self.reaches(way, tables)) < self.level:
                more = "; recount every table for L2" if way == "audit_table" else ""
                raise Misfit(
                    f"{way} shows {reached} at most, and {self.level} is instructed{more}",
                    "confirmation", "by", index,
                )  # fmt: skip

    def reaches(self, way: Way, tables: Collection[str]) -> Level:
        """The level that a way can show at most; fixed, but for what is counted again."""
        if way == "receipt":
            return "L3"
        if way == "bulk_submit":
            return "L2"
        recounted = {one.table for one in self.audit_table.recount} if self.audit_table else set()
        return "L2" if way == "audit_table" and recounted >= set(tables) else "L1"
