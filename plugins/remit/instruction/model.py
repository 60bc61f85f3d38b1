"""What an instruction says. Every field is documented in docs/instruction.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from remit.columns import ColumnType
from remit.ports import Membership, TableQuery, Window
from remit.signing import PublicKey

D = TypeVar("D", bound=date)
_DATE = r"\d{4}-\d\d-\d\d"
_MOMENT = _DATE + r"T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?"
# Months and years have no fixed length, so a duration has none.
_DURATION = (
    r"P(?=.)((?P<weeks>\d{1,4})W|((?P<days>\d{1,5})D)?"
    r"(T(?=.)((?P<hours>\d{1,6})H)?((?P<minutes>\d{1,6})M)?((?P<seconds>\d{1,6})S)?)?)"
)


class Category(StrEnum):
    """What a column says of a person; recipients are given whole categories.

    The special ones are those of Art. 9(1) GDPR that a laboratory holds.
    """

    TECHNICAL = "technical"
    ADMINISTRATIVE = "administrative"
    CONTACT = "contact"
    IDENTITY = "identity"
    HEALTH = "health"
    GENETIC = "genetic"
    SEX_LIFE = "sex-life"
    ETHNIC_ORIGIN = "ethnic-origin"
    BELIEF = "belief"

    @property
    def special(self) -> bool:
        """Whether Art. 9 GDPR protects it in particular."""
        return self in {
            Category.HEALTH,
            Category.GENETIC,
            Category.SEX_LIFE,
            Category.ETHNIC_ORIGIN,
            Category.BELIEF,
        }


def _key_of(algorithm: str) -> Any:
    def check(text: str) -> str:
        key = PublicKey.parse(text)
        if key.algorithm != algorithm:
            raise ValueError(f"must be a public key of the form {algorithm}:BASE64")
        if algorithm == "x25519" and key.is_weak():
            raise ValueError("is a key whose secrets everybody can guess")
        return text

    return AfterValidator(check)


def _column_type(text: str) -> str:
    return str(ColumnType.parse(text))


def _format_1(value: int) -> int:
    if value != 1:
        raise ValueError("must be 1, the form of instructions that this version reads")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing, such as P30D")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("must not be negative; PT0S means at once")
    return value


def _form(pattern: str, said: str, longest: int = 2000) -> Any:
    """Text of a form, with the form in words for who got it wrong."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > longest or compiled.fullmatch(text) is None:
            raise ValueError(f"must be {said}")
        return text

    return AfterValidator(check)


def _read_moment(text: Any) -> datetime:
    if isinstance(text, str) and re.fullmatch(_MOMENT, text, re.ASCII):
        return datetime.fromisoformat(text)
    raise ValueError("must be a time such as 2026-01-01T00:00:00+01:00")


def _read_duration(text: Any) -> timedelta:
    match = re.fullmatch(_DURATION, text, re.ASCII) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be a duration such as P30D, P2W or PT24H")
    return timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})


Moment = Annotated[AwareDatetime, BeforeValidator(_read_moment)]
Duration = Annotated[timedelta, BeforeValidator(_read_duration)]
Slug = Annotated[
    str, _form(r"[a-z0-9][a-z0-9-]{1,62}", "2 to 63 lower-case letters, digits, hyphens")
]
# A letter or digit is asked for, so that a draft's "..." does not pass for something said.
Text = Annotated[str, _form(r"(?s)(?=.*[^\W_]).{2,}", "words, 2000 characters at most")]
Name = Annotated[str, _form(r"[^\x00-\x1f\x7f]+", "a name without control characters", 128)]
# pyarrow cannot be told to encrypt a column whose name has one of these, or space around it.
ColumnName = Annotated[
    str,
    _form(
        r"(?!\s)[^,;:\x00-\x1f\x7f]+(?<!\s)",
        "a column name without comma, semicolon, colon, control characters or space around it",
        128,
    ),
]
Email = Annotated[str, _form(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address", 254)]
Country = Annotated[str, _form(r"[A-Z]{2}", "a country's two capital letters, such as FR")]
Sha256 = Annotated[str, _form(r"[0-9a-f]{64}", "64 hexadecimal digits (sha256sum FILE)")]
FileName = Annotated[
    str,
    _form(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.yaml", "a file name ending in .yaml, without a folder"),
]
SigningKey = Annotated[str, _key_of("ed25519")]
RecipientKey = Annotated[str, _key_of("x25519")]
DeclaredType = Annotated[str, AfterValidator(_column_type)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Person(_Strict):
    """A named individual, never a shared account."""

    name: Text
    email: Email


class Controller(_Strict):
    """The party that decides; its trusted keys live in `include/controllers/<name>/keys`."""

    name: Slug
    legal_name: Text
    contact: Person


class Processor(_Strict):
    """The party that runs remit; `signing_key` signs manifests, certificates and evidence."""

    legal_name: Text
    dpo: Person
    contract: Text
    signing_key: SigningKey


class Recipient(_Strict):
    """Who can open the categories listed; the one with a `receipt_key` is the target."""

    name: Slug
    legal_name: Text
    country: Country
    key: RecipientKey
    receipt_key: SigningKey | None = None
    categories: Annotated[list[Category], Field(min_length=1)]


class Column(_Strict):
    """A column that may leave."""

    name: ColumnName
    type: DeclaredType
    category: Category
    purpose: Text
    nullable: bool = True
    free_text: Text | None = None

    @property
    def declared(self) -> ColumnType:
        """The type, parsed."""
        return ColumnType.parse(self.type)


class WindowRule(_Strict):
    """Rows whose column lies in [from, to)."""

    column: Name
    type: Literal["date", "timestamp", "timestamptz"]
    start: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self._moment(self.start) >= self._moment(self.end):
            raise ValueError("from must be before to")
        return self

    def window(self) -> Window:
        """The limit as sources take it."""
        return Window(self.column, ColumnType(self.type), self.start, self.end)

    def _moment(self, text: str) -> datetime | date:
        if self.type == "date":
            return _parsed(date.fromisoformat, text, _DATE, "a date bound is written 2024-01-31")
        said = "a timestamp bound is written to the second, such as 2024-01-31T00:00:00"
        moment = _parsed(datetime.fromisoformat, text, _MOMENT, said)
        if (moment.tzinfo is None) is (self.type == "timestamptz"):
            zone = "with" if self.type == "timestamptz" else "without"
            raise ValueError(f"a {self.type} bound is written {zone} an offset from UTC")
        return moment


class ListRule(_Strict):
    """Rows whose text column is one of those listed."""

    column: Name
    values: Annotated[list[Name], Field(alias="in", min_length=1)]


class Rows(_Strict):
    """Which rows of a table: either limits, or `all` with the reason why the table needs none."""

    window: WindowRule | None = None
    sites: ListRule | None = None
    codes: ListRule | None = None
    all: Text | None = None
    maximum: Annotated[int, Field(gt=0)]

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if (self.all is None) is (self.window is None):
            raise ValueError("give a window, or `all` with the reason why every row may leave")
        if self.all is not None and (self.sites or self.codes):
            raise ValueError("`all` goes with no other limit")
        return self


class Table(_Strict):
    """A table of which columns and rows may leave."""

    name: Name
    rows: Rows
    columns: Annotated[list[Column], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _once([column.name for column in self.columns], "column")
        limits = {rule.column: "string" for rule in (self.rows.sites, self.rows.codes) if rule}
        if self.rows.window:
            limits[self.rows.window.column] = self.rows.window.type
        for column in self.columns:
            needed = limits.get(column.name, column.type)
            if column.type != needed:
                raise ValueError(
                    f"column {column.name} is {column.type}, but limits rows as {needed}"
                )
        return self

    def query(self) -> TableQuery:
        """What may be asked of the source, and nothing else."""
        window, lists = self.rows.window, (self.rows.sites, self.rows.codes)
        return TableQuery(
            table=self.name,
            columns=tuple((column.name, column.declared) for column in self.columns),
            window=window.window() if window else None,
            memberships=tuple(Membership(r.column, tuple(r.values)) for r in lists if r),
        )


class Suite(_Strict):
    """A file of expectations for a table, pinned by the digest of its bytes."""

    table: Name
    file: FileName
    sha256: Sha256


class Retention(_Strict):
    """How long the processor's copies live (Art. 28(3)(g))."""

    after_confirmation: Annotated[Duration, AfterValidator(_not_negative)]
    without_confirmation: Annotated[Duration, AfterValidator(_positive)]

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.after_confirmation > self.without_confirmation:
            raise ValueError("after_confirmation must not be longer than without_confirmation")
        return self


class Confirmation(_Strict):
    """What counts as ingested: L3, reconciled by the target and signed."""

    level: Literal["L3"]


class Validity(_Strict):
    """When the instruction may be acted on: from <= now < until."""

    start: Annotated[Moment, Field(alias="from")]
    until: Moment

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.start >= self.until:
            raise ValueError("from must be before until")
        return self


class Contacts(_Strict):
    """Who is told what: breaches, audits; and who may act on a run by name."""

    breach: Person
    breach_within: Annotated[Duration, AfterValidator(_positive)]
    audit: Person
    authorised: Annotated[list[Person], Field(min_length=1)]


class Instruction(_Strict):
    """The whole document. Every field is documented in docs/instruction.md."""

    remit: Annotated[int, AfterValidator(_format_1)]
    id: Slug
    version: Annotated[int, Field(ge=1)]
    controller: Controller
    processor: Processor
    subject: Text
    nature: Text
    purpose: Text
    data_subjects: Annotated[list[Text], Field(min_length=1)]
    valid: Validity
    recipients: Annotated[list[Recipient], Field(min_length=1)]
    tables: Annotated[list[Table], Field(min_length=1)]
    expectations: list[Suite]
    confirmation: Confirmation
    retention: Retention
    contacts: Contacts

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _once([table.name for table in self.tables], "table")
        _once([recipient.name for recipient in self.recipients], "recipient")
        _once([suite.table for suite in self.expectations], "suite for table")
        if strays := {s.table for s in self.expectations} - {t.name for t in self.tables}:
            raise ValueError(f"expectations for {sorted(strays)[0]}, which is not among the tables")
        targets = [recipient for recipient in self.recipients if recipient.receipt_key]
        if len(targets) != 1:
            raise ValueError("exactly one recipient, the target, has a receipt_key")
        if unread := self.categories() - set(targets[0].categories):
            raise ValueError(
                f"the target cannot confirm what it cannot open: give it {', '.join(sorted(unread))}"
            )
        return self

    def categories(self) -> set[Category]:
        """The categories of all columns that leave."""
        return {column.category for table in self.tables for column in table.columns}

    @property
    def target(self) -> Recipient:
        """The recipient whose signed receipt confirms ingest."""
        return next(recipient for recipient in self.recipients if recipient.receipt_key)

    def recipients_of(self, category: Category) -> list[Recipient]:
        """Who may open the category."""
        return [recipient for recipient in self.recipients if category in recipient.categories]

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)


def _parsed(parse: Callable[[str], D], text: str, form: str, said: str) -> D:
    # The form first: Python reads week dates and more, which databases do not.
    try:
        if re.fullmatch(form, text):
            return parse(text)
    except ValueError:
        pass
    raise ValueError(said)


def _once(names: list[str], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} appears twice")
