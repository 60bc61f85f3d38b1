"""Under which conditions an instruction is carried out: security, retention, validity and the rest."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from remit.instruction.forms import (
    Digest,
    Duration,
    FileName,
    Misfit,
    Moment,
    Name,
    Sha256,
    Slug,
    Statement,
    Strict,
    not_negative,
    positive,
    said,
)


class Supersedes(Strict):
    """The version that this one replaces, from the moment it is valid."""

    version: Annotated[int, said("Its number", "28(3)(a)", ge=1)]
    digest: Annotated[Digest, said("SHA-256 of its text (remit instruction verify)", "28(3)(a)")]


class Suite(Strict):
    """A file of expectations for a table, pinned by the digest of its bytes."""

    table: Annotated[Name, said("Which table the file's rules judge")]
    file: Annotated[FileName, said("In the processor's folder of expectations")]
    sha256: Annotated[Sha256, said("Pins the file's bytes (sha256sum FILE)")]


class PseudonymKey(Strict):
    """A secret that the controller shares with the processor; only its check value is written."""

    name: Annotated[Slug, said("The name that columns and the suppress list use", "25(1)")]
    check: Annotated[Sha256, said("By this a wrong key is known (remit keys new pseudonym)")]


class Suppress(Strict):
    """Data subjects whose rows never leave, as keyed hashes of what names them."""

    key: Annotated[Slug, said("One of `pseudonym_keys`", "28(3)(e)")]
    subjects: Annotated[
        list[Sha256], said("HMAC-SHA-256 of each one's id (remit pseudonym)", "28(3)(e)")
    ]


class AccountRule(Strict):
    """What is asked of the account with which the source is read."""

    overprivileged: Annotated[
        Literal["warn", "refuse"],
        said("When the account could read more, or is a superuser or shared", "32(1)"),
    ]
    shared: Annotated[
        list[Name],
        said("Accounts that several people use", "32(1), 32(4)", default_factory=list),
    ]


class Security(Strict):
    """The measures that the controller instructs."""

    encryption: Annotated[Literal["AES-256-GCM"], said("Algorithm of the files", "32(1)(a)")]
    decryption_keys: Annotated[
        Literal["recipients"], said("Who alone holds the keys once sealed", "28(3)(c)")
    ]
    transport: Annotated[
        Literal["folder", "s3", "sftp"], said("How the landing zone is reached", "28(3)(c)")
    ]
    endpoint: Annotated[
        Name | None,
        said(
            "The landing zone's fingerprint: its own name (folder, s3), or host key (sftp)",
            "28(3)(c)",
        ),
    ] = None
    account: Annotated[AccountRule, said("The account that reads the source", "32(1)")]


def _not_telling(value: int) -> int:
    if value == 2:
        raise ValueError("must be 1, or 3 or more: fewer than 2, and not none, is exactly 1")
    return value


class Reporting(Strict):
    """What reports of the validation may tell."""

    small_counts: Annotated[
        int,
        AfterValidator(_not_telling),
        said(
            "Counts of rows from 1 to below this are shown as fewer than it; 1 shows every count",
            "25(2)",
            ge=1,
            le=1000,
        ),
    ] = 5


class Retention(Strict):
    """How long the processor's copies live (Art. 28(3)(g))."""

    at_end: Annotated[Literal["delete"], said("What becomes of the processor's copies", "28(3)(g)")]
    after_confirmation: Annotated[
        Duration,
        AfterValidator(not_negative),
        said("Deletion is due this long after the receipt", "28(3)(g)"),
    ]
    without_confirmation: Annotated[
        Duration,
        AfterValidator(positive),
        said("Deletion is due this long after extraction, whatever happens", "28(3)(g)"),
    ]
    backups: Annotated[
        Statement,
        said(
            "What keeps the copies out of backups, or ends them there",
            "28(3)(g)",
            examples=["Staging and landing zone are on volumes that no backup job reads"],
        ),
    ]

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.after_confirmation > self.without_confirmation:
            raise Misfit("must not be longer than without_confirmation", "after_confirmation")
        return self


class Validity(Strict):
    """When the instruction may be acted on: from <= now < until."""

    start: Annotated[Moment, said("From then on it may be acted on", "28(3)", alias="from")]
    until: Annotated[Moment, said("From then on it may not", "28(3)")]

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.start >= self.until:
            raise Misfit("from must be before until", "until")
        return self
