"""What a controller can have done to a column's values before they leave.

Each kind says which types it takes and what it makes of them; `remit.transform` carries it out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from remit.columns import ColumnType
from remit.instruction.forms import Slug, Strict, said
from remit.pseudonyms import require_text

_TIMES = ("date", "timestamp", "timestamptz")
_NUMBERS = ("integer", "decimal", "double")
WIDEST = 10**15
"""The widest band; doubles have every whole number up to nine times that."""


class _Kind(Strict):
    @property
    def gives_null(self) -> bool:
        """Whether a value may become NULL."""
        return False


class Keep(_Kind):
    """The value leaves as it is."""

    kind: Literal["keep"]

    def delivered(self, source: ColumnType) -> ColumnType:
        """The type that leaves. ValueError where the kind does not fit the source's type."""
        return source

    def words(self) -> str:
        """As a plan says it."""
        return "kept"


class Pseudonym(_Kind):
    """HMAC-SHA-256 of the value's text under a named key: 64 hexadecimal digits.

    The same value gives the same pseudonym in every table and run, so that joins survive.
    """

    kind: Literal["pseudonym"]
    key: Annotated[Slug, said("One of `pseudonym_keys`")]

    def delivered(self, source: ColumnType) -> ColumnType:
        """Text, of whatever type."""
        require_text(source)
        return ColumnType("string")

    def words(self) -> str:
        """As a plan says it."""
        return f"pseudonym under key {self.key}"


class Generalise(_Kind):
    """A coarser value: of a time its month or year, of a postcode the department, of a number a band.

    A time becomes the first moment of its month or year (timestamptz: in UTC), a number the lower
    end of its band, a French postcode its department; what is no postcode becomes NULL.
    """

    kind: Literal["generalise"]
    to: Annotated[Literal["month", "year", "department", "band"], said("How coarse it becomes")]
    width: Annotated[
        int | None, said("Width of a band, in the number's own unit", gt=0, le=WIDEST)
    ] = None

    @property
    def gives_null(self) -> bool:
        """What is no postcode does."""
        return self.to == "department"

    def delivered(self, source: ColumnType) -> ColumnType:
        """The same type."""
        fits = {"month": _TIMES, "year": _TIMES, "department": ("string",), "band": _NUMBERS}
        if source.name not in fits[self.to]:
            raise ValueError(f"values of type {source} cannot be generalised to a {self.to}")
        if (self.width is None) is (self.to == "band"):
            raise ValueError("a band, and nothing else, has a width")
        return source

    def words(self) -> str:
        """As a plan says it."""
        return (
            f"generalised to bands of {self.width}" if self.width else f"generalised to {self.to}"
        )


class Truncate(_Kind):
    """The first characters of a text."""

    kind: Literal["truncate"]
    length: Annotated[int, said("How many characters are left", gt=0, le=1000)]

    def delivered(self, source: ColumnType) -> ColumnType:
        """Text of text."""
        if source.name != "string":
            raise ValueError(f"values of type {source} cannot be truncated; only a string can")
        return source

    def words(self) -> str:
        """As a plan says it."""
        return f"cut to {self.length} characters"


class Constant(_Kind):
    """The same text in every row, whatever the value was, missing ones included."""

    kind: Literal["constant"]
    value: Annotated[str, said("The text that every row gets", max_length=200)]

    def delivered(self, source: ColumnType) -> ColumnType:  # noqa: ARG002
        """Text, of whatever type."""
        return ColumnType("string")

    def words(self) -> str:
        """As a plan says it."""
        return "replaced by a constant"


class Empty(_Kind):
    """NULL in every row, so that the target's column is there and says nothing."""

    kind: Literal["empty"]

    @property
    def gives_null(self) -> bool:
        """Every value does."""
        return True

    def delivered(self, source: ColumnType) -> ColumnType:
        """The same type."""
        return source

    def words(self) -> str:
        """As a plan says it."""
        return "emptied"


Transformation = Annotated[
    Keep | Pseudonym | Generalise | Truncate | Constant | Empty, Field(discriminator="kind")
]
KEEP = Keep(kind="keep")
