"""The kinds of alerts, and how severe each is. docs/supervision.md says what to do about each."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["info", "warning", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "high", "critical")
"""From the mildest to the worst."""


class Kind(NamedTuple):
    """A kind of alert; `title` is what it is about, in a few words."""

    severity: Severity
    title: str


KINDS: dict[str, Kind] = {
    "refusal": Kind("warning", "A rule refused a step"),
    "drift": Kind("warning", "The source is not as it was"),
    "validation-failed": Kind("high", "The extract did not pass its rules"),
    "receipt-missing": Kind("high", "The target has not answered"),
    "receipt-negative": Kind("high", "The target says that not everything was loaded"),
    "receipt-wrong": Kind("high", "An answer does not confirm the delivery"),
    "deletion-overdue": Kind("critical", "Copies are there that had to be deleted"),
    "deletion-failed": Kind("critical", "Copies could not be deleted"),
    "deletion-locked": Kind("high", "A store keeps copies that had to be deleted"),
    "orphans": Kind("high", "Something is there that nobody recorded"),
    "keys-expiring": Kind("warning", "Keys of an instruction reach their end"),
    "instruction-ending": Kind("warning", "An instruction that runs go on under ends soon"),
    "key-revoked-used": Kind("critical", "A revoked key was used"),
    "unexpected-principal": Kind("high", "Somebody acted who never did before, or may not"),
    "unexpected-address": Kind("high", "Somebody acted from an unexpected address"),
    "unusual-volume": Kind("high", "Far more rows than usual were extracted"),
    "dag-late": Kind("high", "A DAG run did not end in time"),
    "supervision-silent": Kind("high", "Supervision did not look when it should have"),
    "evidence-broken": Kind("critical", "The evidence does not verify"),
    "ledger-away": Kind("critical", "The evidence ledger does not answer"),
}
"""Every kind of alert."""
