"""The forms that an instruction's values have, each with its rule in words."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from remit.columns import SIMPLE, ColumnType
from remit.instruction.vague import (
    require_concrete,
    require_filled,
    require_group,
    require_single,
)
from remit.signing import RECIPIENT_ALGORITHMS, PublicKey

DATE = r"\d{4}-\d\d-\d\d"
MOMENT = DATE + r"T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?"
# Months and years have no fixed length, so a duration has none.
_DURATION = (
    r"P(?=.)((?P<weeks>\d{1,4})W|((?P<days>\d{1,5})D)?"
    r"(T(?=.)((?P<hours>\d{1,6})H)?((?P<minutes>\d{1,6})M)?((?P<seconds>\d{1,6})S)?)?)"
)


class Misfit(ValueError):
    """Fields of a group that do not fit together.

    Args:
        at: the field, below the group, at which to correct it; the group itself if there is none.
    """

    def __init__(self, message: str, *at: str | int) -> None:
        super().__init__(message)
        self.at = at


class Lacking(Misfit):
    """A field that this very case asks for is not there."""


class Strict(BaseModel):
    """A group of fields: none unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


def said(about: str, law: str = "", **more: Any) -> Any:
    """A field's meaning, and the point of the law that it carries out; editors show both.

    Args:
        law: such as ``28(3)(g)``, an article of the GDPR with paragraph and letter.
        more: what else pydantic's ``Field`` takes, such as `alias` and `examples`.
    """
    if law:
        more["json_schema_extra"] = {"law": f"Art. {law} GDPR"}
    return Field(description=about, **more)


def _key_of(*algorithms: str) -> Any:
    forms = " or ".join(f"{algorithm}:BASE64" for algorithm in algorithms)

    def check(text: str) -> str:
        key = PublicKey.parse(text)
        if key.algorithm not in algorithms:
            raise ValueError(f"must be a public key of the form {forms}")
        if key.algorithm in RECIPIENT_ALGORITHMS and key.is_weak():
            raise ValueError("is a key whose secrets everybody can guess")
        return text

    return AfterValidator(check)


def _column_type(text: str) -> str:
    kind = str(ColumnType.parse(text))
    if text not in SIMPLE and re.fullmatch(_DECIMAL, text, re.ASCII) is None:
        raise ValueError(f"must be written {kind}")
    return kind


def format_1(value: int) -> int:
    """The one form of instructions so far."""
    if value != 1:
        raise ValueError("must be 1, the form of instructions that this version of remit reads")
    return value


def positive(value: timedelta) -> timedelta:
    """Longer than nothing."""
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing, such as P30D")
    return value


def not_negative(value: timedelta) -> timedelta:
    """Nothing or longer."""
    if value < timedelta(0):
        raise ValueError("must not be negative; PT0S means at once")
    return value


def _form(pattern: str, words: str, longest: int = 2000) -> Any:
    """Text of a form, with the form in words for who got it wrong."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > longest or compiled.fullmatch(text) is None:
            raise ValueError(f"must be {words}")
        return text

    return AfterValidator(check)


def _shown(pattern: str, longest: int = 2000, shortest: int = 1) -> Any:
    """The same for editors; their regular expressions (ECMA 262) know less than ours."""
    schema = {"type": "string", "minLength": shortest, "maxLength": longest}
    return WithJsonSchema(schema | ({"pattern": f"^{pattern}$"} if pattern else {}))


def _read_moment(text: Any) -> datetime:
    if isinstance(text, str) and re.fullmatch(MOMENT, text, re.ASCII):
        return datetime.fromisoformat(text)
    raise ValueError("must be a time such as 2026-01-01T00:00:00+01:00")


def _read_duration(text: Any) -> timedelta:
    match = re.fullmatch(_DURATION, text, re.ASCII) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be a duration such as P30D, P2W or PT24H")
    return timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})


def _known_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError("must be a time zone such as Europe/Paris") from None
    return text


def _known_network(text: str) -> str:
    try:
        network = str(ipaddress.ip_network(text))
    except ValueError:
        network = ""
    if network != text:
        raise ValueError("must be a network such as 192.0.2.0/24 or 2001:db8::/32")
    return text


_SLUG = r"[a-z0-9][a-z0-9-]{1,62}"
_DECIMAL = r"decimal\(\d{1,2}, ?\d{1,2}\)"
_TYPE_SCHEMA = {"anyOf": [{"enum": [*SIMPLE]}, {"type": "string", "pattern": f"^{_DECIMAL}$"}]}
_MOMENT_SCHEMA = {"type": "string", "pattern": f"^{MOMENT.removesuffix('?')}$"}
_DURATION_SCHEMA = {"type": "string", "pattern": f"^{re.sub(r'[?]P<[a-z]+>', '', _DURATION)}$"}

Moment = Annotated[AwareDatetime, BeforeValidator(_read_moment), WithJsonSchema(_MOMENT_SCHEMA)]
Bound = Annotated[str, WithJsonSchema({"type": "string", "pattern": f"^({DATE}|{MOMENT})$"})]
Duration = Annotated[timedelta, BeforeValidator(_read_duration), WithJsonSchema(_DURATION_SCHEMA)]
Slug = Annotated[
    str,
    _form(_SLUG, "2 to 63 lower-case letters, digits, hyphens"),
    _shown(_SLUG, 63),
]
# A letter or digit is asked for, so that a draft's "..." does not pass for something said.
Text = Annotated[
    str,
    _form(r"(?s)(?=.*[^\W_]).{2,}", "words, 2000 characters at most"),
    AfterValidator(require_filled),
    _shown("", shortest=2),
]
# What the law asks to be laid down, and so must say something of this very case.
Statement = Annotated[Text, AfterValidator(require_concrete)]
Purpose = Annotated[Statement, AfterValidator(require_single)]
Group = Annotated[Text, AfterValidator(require_group)]
Name = Annotated[
    str,
    # A draft's "..." is no name.
    _form(r"(?!\.{3}$)[^\x00-\x1f\x7f]+", "a name without control characters", 128),
    _shown("", 128),
]
# pyarrow cannot be told to encrypt a column whose name has one of these, or space around it.
ColumnName = Annotated[
    str,
    _form(
        r"(?!\.{3}$)(?!\s)[^,;:\x00-\x1f\x7f]+(?<!\s)",
        "a column name without comma, semicolon, colon, control characters or space around it",
        128,
    ),
    _shown("[^,;:]+", 128),
]
Email = Annotated[
    str,
    _form(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address", 254),
    _shown(r"[^@\s]+@[^@\s]+\.[^@\s]+", 254),
]
Account = Annotated[
    str,
    _form(r"(?!\.{3}$)[^\s\x00-\x1f\x7f]+", "an account's name without spaces", 128),
    _shown(r"\S+", 128),
]
Network = Annotated[str, AfterValidator(_known_network), _shown("[0-9a-fA-F:.]+/[0-9]{1,3}", 64)]
Country = Annotated[
    str, _form(r"[A-Z]{2}", "a country's two capital letters, such as FR"), _shown("[A-Z]{2}", 2)
]
Sha256 = Annotated[str, _form(r"[0-9a-f]{64}", "64 hexadecimal digits"), _shown("[0-9a-f]{64}", 64)]
Digest = Annotated[
    str,
    _form(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits"),
    _shown("sha256:[0-9a-f]{64}", 71),
]
FileName = Annotated[
    str,
    _form(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.yaml", "a file name ending in .yaml, without a folder"),
    _shown(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\.yaml"),
]
TimeZone = Annotated[str, AfterValidator(_known_zone), _shown("[A-Za-z_+/0-9-]+", 64)]
SigningKey = Annotated[str, _key_of("ed25519"), _shown("ed25519:[A-Za-z0-9+/]{43}=", 64)]
RecipientKey = Annotated[
    str,
    _key_of(*RECIPIENT_ALGORITHMS),
    _shown("(x25519:[A-Za-z0-9+/]{43}=|mlkem768x25519:[A-Za-z0-9+/]{1622}==)", 1639),
]
DeclaredType = Annotated[str, AfterValidator(_column_type), WithJsonSchema(_TYPE_SCHEMA)]


def once(names: list[str], what: str, group: str, field: str = "name") -> None:
    """Misfit when a name is given twice.

    Args:
        group: the list of the entries that have these names.
        field: the field of an entry that holds its name.
    """
    for index, name in enumerate(names):
        if name in names[:index]:
            raise Misfit(f"{what} {name} appears twice", group, index, field)
