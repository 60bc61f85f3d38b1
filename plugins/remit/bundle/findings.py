"""What a verification found, in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass

from remit.evidence import Record


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim, and why it holds, or why it cannot be told."""

    claim: str
    why: str

    def as_json(self) -> dict[str, str]:
        """The finding as commands print it."""
        return {"claim": self.claim, "why": self.why}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a bundle proved, from the controller's key down, and what it could not; its records."""

    run: str
    proved: tuple[Finding, ...]
    not_proved: tuple[Finding, ...]
    records: tuple[Record, ...]

    def claims(self) -> list[str]:
        """What is proved."""
        return [finding.claim for finding in self.proved]

    def open_questions(self) -> list[str]:
        """What is not."""
        return [finding.claim for finding in self.not_proved]
