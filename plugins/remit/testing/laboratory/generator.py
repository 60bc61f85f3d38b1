"""The laboratory as callers see it: rows, databases, and what must never get out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from remit.errors import UsageError
from remit.testing.laboratory import chance, dumps, people, records, writers
from remit.testing.laboratory import vocabulary as words
from remit.testing.laboratory.people import BOUNDARIES, Person
from remit.testing.laboratory.schema import TABLES, Row

__all__ = ["BOUNDARIES", "Laboratory"]

_WHOLE = {
    "prescribers": ("rpps", "phone"),
    "patients": (
        "patient_id",
        "nir",
        "address",
        "phone",
        "email",
        "portal_login",
        "portal_password",
    ),
    "results": ("result_id",),
}
_NAMED = ("prescribers", "patients")
_FREE = {"patients": "notes", "results": "comment", "observation_history": "value"}


class Laboratory:
    """A synthetic laboratory, the same for the same arguments on every machine.

    Rows are made when asked for and never kept: memory does not grow with the size. Sixteen of
    every 500 patients carry `BOUNDARIES`, so all of those are there from 16 patients on.

    Args:
        seed: which laboratory.
        patients: how many patients.
        results_per_patient: how many results a patient has on average (half to one and a half
            times as many).
    """

    def __init__(
        self, seed: int = 2022, patients: int = 5000, results_per_patient: int = 20
    ) -> None:
        if patients < 1 or results_per_patient < 1:
            raise UsageError("a laboratory has at least one patient with one result")
        self.seed = seed
        self.patients = patients
        self.results_per_patient = results_per_patient
        self.prescribers = max(10, patients // 20)

    def tables(self) -> tuple[str, ...]:
        """The names of the tables, parents before children."""
        return tuple(TABLES)

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of `table`, in the order of its columns and always the same.

        Raises:
            UsageError: there is no such table.
        """
        if table == "sites":
            return iter(words.SITES)
        if table == "prescribers":
            return people.prescribers(self.seed, self.prescribers)
        if table in TABLES:
            return (row for who in self._people() for row in self._of(table, who))
        raise UsageError(f"no such table; there are {', '.join(TABLES)}")

    def write_sqlite(self, path: Path | str) -> None:
        """Write a new SQLite file; see `writers.write_sqlite`."""
        writers.write_sqlite(Path(path), self.rows)

    def write_postgres(self, url: str, schema: str = "public") -> None:
        """Write new tables to a PostgreSQL database; see `writers.write_postgres`."""
        writers.write_postgres(url, schema, self.rows)

    def write_dump(
        self, folder: Path | str, kind: Literal["csv", "fixed", "packed"] = "csv"
    ) -> dict[str, Any]:
        """Write it as files in a folder; see `dumps`.

        Returns:
            What an instruction's `dump` says of it.
        """
        if kind == "fixed":
            return dumps.write_fixed(Path(folder), self.rows)
        return dumps.write_csv(Path(folder), self.rows, packed=kind == "packed")

    def planted(self) -> Iterator[str]:
        """Every string that must never get out in clear.

        NIRs, e-mail and postal addresses, telephone numbers, portal accounts, full names
        ("First Last"), RPPS numbers, the UUIDs of patients and results as text, whole free texts
        and sensitive values, and the token inside each of these on its own, which is found even
        where the text around it was cut or escaped. Each has at least 8 characters and is
        distinctive enough that finding its bytes in a log means a leak. Values as common as
        ``négatif`` are left out, and so are birth dates. A full name may come several times.
        """
        for table in TABLES:
            yield from self._planted(table)

    def _people(self) -> Iterator[Person]:
        return (people.person(self.seed, number) for number in range(self.patients))

    def _of(self, table: str, who: Person) -> Iterator[Row]:
        """The rows of `table` that belong to one patient."""
        if table == "patients":
            return iter((people.patient(self.seed, who),))
        if table == "samples":
            return records.sample_rows(self.seed, who, self.results_per_patient, self.prescribers)
        if table == "results":
            return records.result_rows(self.seed, who, self.results_per_patient)
        return records.history_rows(self.seed, who)

    def _planted(self, table: str) -> Iterator[str]:
        names = TABLES[table].names
        whole = [names.index(column) for column in _WHOLE.get(table, ())]
        free = names.index(_FREE[table]) if table in _FREE else None
        named = table in _NAMED
        if not whole and free is None:
            return
        for row in self.rows(table):
            yield from (str(row[place]) for place in whole)
            if named:
                yield f"{row[names.index('first_name')]} {row[names.index('last_name')]}"
            found = chance.TOKEN.search(row[free] or "") if free is not None else None
            if found and free is not None:
                yield from (row[free], found.group())
