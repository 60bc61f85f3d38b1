"""What the steps need from the outside, as protocols, and the small values that cross them.

Adapters implement these and translate every error of what they wrap into `remit.errors`.
Nothing here imports pyarrow at run time, so that DAG parsing stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Protocol

from remit.columns import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset

Clock = Callable[[], datetime]
"""Gives the time, aware, in UTC."""

Progress = Callable[[str, int], None]
"""Told, on long work, the table and the rows done so far."""


STRING = ColumnType("string")

# --- source -----------------------------------------------------------------------------------


class Relation(NamedTuple):
    """A table or view of a source; `schema` is None for the source's default one."""

    schema: str | None
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}" if self.schema else self.table


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as the live schema has it; `type` is None where remit has no type for it.

    Attributes:
        primary: whether it belongs to the primary key.
        references: the table that a foreign key of it alone leads to, without its schema.
    """

    name: str
    native_type: str
    type: ColumnType | None
    nullable: bool
    primary: bool = False
    references: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Rows whose `column` is in [start, end): ISO 8601 texts of the column's own declared type."""

    column: str
    type: ColumnType
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Rows whose `column` is one of `values`; used for sites and for codes.

    Attributes:
        values: the values as text: whole numbers in plain decimal digits, uuids in lower case,
            booleans as true or false.
        type: string, boolean, integer, uuid or decimal(p,0).
    """

    column: str
    values: tuple[str, ...]
    type: ColumnType = STRING


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """Rows whose `columns` are found, as they stand, among the rows that `keys` gives.

    Attributes:
        columns: names and types in the table that is limited, in the order of the columns of `keys`,
            whose types are the same, or both whole numbers (integer, decimal(p,0)). A row with a
            NULL in any of them is not found.
        keys: the other table, its key columns and its own limits.
    """

    columns: tuple[tuple[str, ColumnType], ...]
    keys: TableQuery


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts that a table is read in, in [start, end); made by `Snapshot.divide`.

    It holds no value of a row: bounds are places in the database's files, or cut the window.

    Attributes:
        by: ``blocks`` of the table's file, or ``window``, that is, the window's column.
        start: as text; None for no lower bound. end: likewise above.
    """

    by: str
    start: str | None
    end: str | None

    def as_json(self) -> dict[str, str | None]:
        """The part as evidence gives it."""
        return {"by": self.by, "start": self.start, "end": self.end}


@dataclass(frozen=True, slots=True)
class Totals:
    """What a source says of rows: how many there are, and the sums of what it can sum exactly."""

    rows: int
    sums: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class TableQuery:
    """All that may be asked of one table: these columns, of the rows that meet every limit.

    Empty limits mean all rows of the table, which only an instruction can say.

    Attributes:
        schema: None for the source's default one.
        part: which of these rows, where the table is read in parts. Sources whose snapshots
            cannot be shared are never asked for one.
    """

    table: str
    columns: tuple[tuple[str, ColumnType], ...]
    window: Window | None = None
    memberships: tuple[Membership, ...] = ()
    through: tuple[SemiJoin, ...] = ()
    schema: str | None = None
    part: Part | None = None

    @property
    def relation(self) -> Relation:
        """The table or view that is asked."""
        return Relation(self.schema, self.table)

    def limit_columns(self) -> dict[str, ColumnType]:
        """The columns that the limits need, with their types."""
        needed = {membership.column: membership.type for membership in self.memberships}
        if self.window:
            needed[self.window.column] = self.window.type
        for semi_join in self.through:
            needed.update(semi_join.columns)
        return needed


@dataclass(frozen=True, slots=True)
class Account:
    """Whom the source takes us for, and what that account could do there.

    Attributes:
        name: the account; None where the source has no accounts, as a file.
        powers: what makes it more than a reader, in words, such as ``is a superuser``.
        readable: the columns that it could read, of the relations asked about.
    """

    name: str | None
    powers: tuple[str, ...]
    readable: Mapping[Relation, frozenset[str]]


class Snapshot(Protocol):
    """One consistent state of the source; counts and rows read from it agree."""

    def count(self, query: TableQuery) -> int:
        """Rows that meet the query's limits."""

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """The count of the rows that meet the limits, and sums over them, 0 of nothing.

        Args:
            summed: integer and decimal columns of the query; those that the source cannot sum
                exactly are left out of the answer.
        """

    def divide(self, query: TableQuery, parts: int) -> list[Part]:
        """About so many parts that together are all rows, each once; empty where it cannot."""

    def share(self) -> str | None:
        """The name by which other connections see this very state, as long as this one is open.

        None where the source cannot do that; its tables are read in one piece.
        """

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """The rows, in bounded batches, columns in the query's order and declared Arrow types."""


class Source(Protocol):
    """A database of the controller's, read only.

    Every method raises `Unavailable` when the source does not answer, and `Refused` when what it
    holds does not fit what was declared.
    """

    label: str
    """Where this is, without credentials, such as ``postgresql://host:5432/lis``."""

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The live schema: each table or view of the default schema, and of `schemas`."""

    def account(self, relations: Collection[Relation]) -> Account:
        """Whom the source takes us for, and which columns of the relations it lets us read."""

    def snapshot(self, shared: str | None = None) -> AbstractContextManager[Snapshot]:
        """Open one consistent state: a new one, or the one that a `Snapshot.share` gave a name.

        Raises:
            Unavailable: the state of that name is no longer open.
            UsageError: a name was given to a source that shares none.
        """

    def sql(self, query: TableQuery) -> str:
        """The statement that `Snapshot.stream` would run, for the reviewer."""


# --- files ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a store: its path below the store's root, and its size in bytes.

    Attributes:
        written: when it was last written, by the store's clock; None where it does not say.
    """

    path: str
    size: int
    written: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Lock:
    """Why a store does not let go of a file: a retention until then, or a hold.

    Attributes:
        until: None for as long as nobody lifts it.
    """

    until: datetime | None


class Draft(Protocol):
    """A file being written; invisible under its name until `publish`."""

    def write(self, data: bytes) -> int:
        """Append bytes."""

    def publish(self) -> None:
        """Make it durable and give it its name, at once."""

    def discard(self) -> None:
        """Remove what was written."""


class Store(Protocol):
    """A place for files: staging, or a landing zone. Paths are relative, with ``/``."""

    label: str

    def create(self, path: str) -> Draft:
        """Start a file, readable by its owner alone."""

    def open(self, path: str) -> BinaryIO:
        """Read a file (seekable). Raises FileNotFoundError when it is not there."""

    def exists(self, path: str) -> bool:
        """Whether the file is there under its name."""

    def list(self, prefix: str) -> list[StoredFile]:
        """Every file below the folder `prefix`, those that an interrupted write left included.

        All of the store's for an empty prefix.
        """

    def remove(self, path: str) -> None:
        """Remove a file, and folders that this leaves empty. A file already gone is no error."""

    def lock(self, path: str) -> Lock | None:
        """What keeps a file that could not be removed; None when the store knows of nothing."""

    def claim(self) -> str:
        """The store's own random name, given to it now if it has none yet."""

    def identity(self) -> str | None:
        """The name given by `claim`; None in a store that is empty, replaced or not mounted."""


@dataclass(frozen=True, slots=True)
class LandingTerms:
    """What the instruction says of the landing zone.

    Attributes:
        endpoint: its fingerprint: its own name (folder, s3), or its host key as ``SHA256:...`` (sftp).
        shared: accounts that several people use.
    """

    endpoint: str | None = None
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to publish: its digest (``sha256:`` and hex), its size in bytes, and how to read it.

    Reading it raises `Refused` before the end, if its bytes are not of the digest.
    """

    sha256: str
    size: int
    open: Callable[[], BinaryIO]


class LandingZone(Store, Protocol):
    """The place where the target picks deliveries up."""

    transport: str
    """How it is reached: ``folder``, ``s3`` or ``sftp``, as the instruction has it."""

    specification: str
    """What opens it again, without a secret."""

    def bind(self, terms: LandingTerms) -> None:
        """Hold the zone to what is instructed, before anything else is asked of it."""

    def endpoint(self) -> str | None:
        """What the instruction's endpoint must be: see `LandingTerms`."""

    def preflight(self, room: int = 0) -> None:
        """Refuse a zone that must not be used, before a byte is sent.

        Args:
            room: bytes that are to be sent.
        """

    def publish(self, folder: str, files: Mapping[str, Outgoing]) -> None:
        """Put the files at `folder`, the last one last; what an earlier try sent is not sent again.

        A reader who begins at the last file sees all of them or none.

        Raises:
            Refused: delivery-conflict, when something else is there.
        """


# --- confirmation -----------------------------------------------------------------------------


class Inbox(Protocol):
    """Keeps receipts that came otherwise than by the landing zone, until they are looked at."""

    def keep(self, run: str, envelope: bytes) -> bool:
        """Keep an envelope, durably; False when so many of the run are kept that it is not."""

    def of(self, run: str) -> list[bytes]:
        """The envelopes kept of a run."""

    def exists(self, run: str) -> bool:
        """Whether anything of the run is there, an envelope or a call to wake up."""

    def wake(self, run: str) -> None:
        """Have whoever waits for the run look again; it says nothing else."""

    def clear(self, run: str, seen: Collection[bytes]) -> None:
        """Remove the envelopes that were seen; they are in the evidence."""

    def rest(self, run: str) -> None:
        """Remove the call to wake up: nobody waits any more."""


class StatusServer(Protocol):
    """A FHIR server with the operation $bulk-submit-status."""

    @property
    def label(self) -> str:
        """Its address, without credentials."""

    def status(self, system: str, value: str, submission: str) -> Any:
        """The final status manifest as JSON; None while the server is at work or knows no such one.

        Args:
            system: of the submitter's identifier. value: likewise.

        Raises:
            Refused: status-server-insecure.
            Unavailable: it does not answer as the operation says.
        """


# --- keys -------------------------------------------------------------------------------------


class KeyStore(Protocol):
    """Holds the runs' staging keys (X25519, HPKE). Private halves never leave it by this port.

    Every method raises `Unavailable` when the store does not answer, and `UsageError` when a setting
    such as a PIN is wrong. Names are run ids. `remit.testing.key_stores` tests an implementation.
    """

    label: str
    """Where this is, without credentials."""

    def claim(self) -> str:
        """The store's own name, by which it is told from any other, given now if it has none yet."""

    def identity(self) -> str | None:
        """The name given by `claim`; None in a store that is empty, replaced or not mounted."""

    def create(self, name: str) -> bytes:
        """Make the key, or find the one of that name; its public half, 32 bytes.

        After `destroy` a new key is made: the old one never comes back.
        """

    def open(self, name: str, sealed: bytes, info: bytes) -> bytes:
        """Open an HPKE message to the key.

        Raises:
            InvalidTag: of cryptography's, for a message to another key, or with other `info`.
            Refused: staging-key-gone without the key; staging-key-unreadable, token-key-exposed.
        """

    def exists(self, name: str) -> bool:
        """Whether anything of the private half is still there."""

    def destroy(self, name: str) -> None:
        """Zeroize and remove the private half; one already gone is no error.

        Done again after it was cut short, it does the rest.
        """

    def names(self) -> list[str]:
        """The name of every private half of which anything is there."""


class PseudonymKeys(Protocol):
    """Holds the secrets of pseudonyms and suppress lists. They never leave it by this port."""

    def mac(self, name: str, check: str) -> Callable[[bytes], bytes]:
        """The function HMAC-SHA-256 under the key of that name; 32 bytes.

        Args:
            check: the instructed check value, by which a wrong key is known (`remit.pseudonyms`).

        Raises:
            Refused: pseudonym-key-missing, pseudonym-key-differs.
        """


# --- supervision ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """What one person is told of one alert; no text of it holds a value of a data subject.

    Attributes:
        alert: its id. kind, severity: as in `remit.alerts.model`.
        tier: the person's place in the chain; the owner is 0.
        late: by how many seconds this comes after its time.
    """

    alert: str
    kind: str
    severity: str
    tier: int
    name: str
    email: str
    subject: str
    text: str
    late: int = 0


class Channel(Protocol):
    """A way by which notices leave, such as mail."""

    label: str
    """What it is, without credentials, such as ``smtp:remit_mail``."""

    def send(self, notice: Notice) -> None:
        """Hand it over; the same one may come again. Answers, or gives out, within a minute.

        Raises:
            Undeliverable: it was not taken, for what it is or whom it is for; another may be.
            Unavailable: it was not taken, nor would another be.
        """


class Notes(Protocol):
    """What supervision keeps beside the evidence: when it looked, how far, and what is broken.

    Raises `Unavailable` when the place does not answer. A note is JSON; names are slugs.
    """

    def read(self, name: str) -> Any:
        """The note; None where there is none, or what is there is no note."""

    def write(self, name: str, note: Any) -> None:
        """Keep a note, whole or not at all."""

    def remove(self, name: str) -> None:
        """Forget a note; one that is not there is no error."""

    def names(self) -> list[str]:
        """The names of the notes."""


# --- rules ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation: a Great Expectations type and its kwargs, with an id and a reason.

    Attributes:
        severity: what follows if it fails: ``stop`` the run, or ``warn`` and go on.
        file: the file of rules that it is from; empty for a rule that the instruction implies.
    """

    id: str
    type: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    severity: Literal["stop", "warn"] = "stop"
    file: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for refusals."""
        return f"{self.file} rule {self.id}".strip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one rule: counts and a yes or no, never a value.

    `error` is True when the rule could not be judged, which counts as failed. Counts are None
    where the rule has no such notion (for example a rule about the set of columns).
    """

    rule: str
    type: str
    columns: tuple[str, ...]
    success: bool
    error: bool = False
    elements: int | None = None
    unexpected: int | None = None
    missing: int | None = None


class Judge(Protocol):
    """Judges rules over one table's extract."""

    engine: str
    """What judged, with versions, for the report."""

    def check(self, rules: Sequence[Rule]) -> None:
        """Refuse (expectation-unknown) a type or kwarg that is not on the allowlist."""

    def judge(
        self,
        extract: pyarrow.dataset.Dataset,
        rules: Sequence[Rule],
        others: Mapping[str, pyarrow.dataset.Dataset] = MappingProxyType({}),
    ) -> list[Verdict]:
        """One verdict per rule, in the order of the rules.

        Args:
            extract: the table's extract, of one or more files.
            others: the extracts of the run's other tables by name, for rules that look things up.
        """
