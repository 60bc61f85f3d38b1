"""What a report is made of: the rows of each table, at one checkpoint and one time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remit.custody.briefs import records_for_reports, split
from remit.custody.entries import Entry, entries_of
from remit.custody.processing_record import (
    EVERYTHING,
    Extent,
    digest_of_run,
    standing_of,
    terms_of,
)
from remit.custody.story import Story
from remit.errors import EvidenceBroken
from remit.evidence import Checkpoint, Ledger, timestamp
from remit.instruction import Instruction
from remit.instruction.parties import EEA
from remit.reports.registers import alert_rows, orphan_rows
from remit.reports.run_rows import Instructed, erasure_row, hold_rows, is_asked, run_row

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A report.

    Attributes:
        log, size, root, signed_at: what the checkpoint says that it was made from.
        as_of: the time at which states are told, such as overdue.
        processors: names and data protection officers.
        rows: of each table, by its name.
    """

    log: str
    size: int
    root: str
    signed_at: str
    as_of: datetime
    extent: Extent
    processors: list[dict[str, str]]
    rows: Mapping[str, list[Row]]

    def as_json(self) -> dict[str, Any]:
        """The report for other tools."""
        start, until = self.extent.start, self.extent.until
        return {
            "evidence": {
                "log": self.log,
                "records": self.size,
                "root": self.root,
                "at": self.signed_at,
            },
            "as_of": timestamp(self.as_of),
            "from": timestamp(start) if start else None,
            "until": timestamp(until) if until else None,
            "controller": self.extent.controller,
            "processors": self.processors,
            **self.rows,
        }


def audit_report(ledger: Ledger, as_of: datetime, extent: Extent = EVERYTHING) -> Report:
    """Make a report of the evidence up to the newest checkpoint.

    Raises:
        EvidenceBroken: a record is damaged, or there is no checkpoint of this log.
    """
    checkpoint = _checkpoint(ledger)
    register, stories = split(records_for_reports(ledger, checkpoint.size))
    entries = entries_of(register)
    known = {entry.digest: _instructed(entry) for entry in entries}
    asked = [entry for entry in entries if extent.concerns(entry.controllers)]
    rows: dict[str, list[Row]] = {
        "instructions": [_instruction_row(e, entries, known[e.digest][1], as_of) for e in asked],
        "runs": [],
        "erasures": [],
        "holds": [],
    }
    names: set[str] = set()
    for story in stories:
        if (one := _known(story, known)) and extent.concerns(one.controllers):
            names.add(story.run)
            _add(story, one, rows, as_of, extent)
    own = None if extent.controller is None else names
    rows["orphans"] = orphan_rows(ledger, checkpoint.size, own)
    rows["alerts"] = alert_rows(ledger, checkpoint.size, as_of, extent)
    return Report(
        log=checkpoint.log,
        size=checkpoint.size,
        root=checkpoint.root,
        signed_at=checkpoint.at,
        as_of=as_of,
        extent=extent,
        processors=_processors([known[entry.digest][1] for entry in asked]),
        rows=rows,
    )


def _checkpoint(ledger: Ledger) -> Checkpoint:
    envelope = ledger.checkpoint()
    if envelope is None:
        raise EvidenceBroken("the newest checkpoint", "there is none: nothing was recorded yet.")
    checkpoint = Checkpoint.unverified(envelope, "the newest checkpoint")
    if checkpoint.log != ledger.name:
        raise EvidenceBroken("the newest checkpoint", "it is another log's.")
    return checkpoint


def _instructed(entry: Entry) -> tuple[Instructed, Instruction]:
    terms = terms_of(entry)
    return (
        Instructed(
            controllers=tuple(entry.controllers),
            instruction=str(entry.instruction["id"]),
            version=entry.version,
            tables=len(terms.tables),
            columns=sum(len(table.columns) for table in terms.tables),
            recipients=tuple(recipient.legal_name for recipient in terms.recipients),
        ),
        terms,
    )


def _known(story: Story, known: Mapping[str, tuple[Instructed, Instruction]]) -> Instructed | None:
    """What a run was opened under; None where it was refused before it was opened."""
    if not story.has("opened"):
        return None
    try:
        digest = digest_of_run(story)
    except (KeyError, TypeError):
        raise EvidenceBroken(f"run {story.run}", "its records are damaged.") from None
    if digest not in known:
        raise EvidenceBroken(f"run {story.run}", "the register does not have its instruction.")
    return known[digest][0]


def _add(
    story: Story, one: Instructed, rows: Mapping[str, list[Row]], as_of: datetime, extent: Extent
) -> None:
    try:
        asked = is_asked(story, extent)
        erasure = erasure_row(story, one, as_of)
        if asked:
            rows["runs"].append(run_row(story, one))
            rows["holds"] += hold_rows(story, one, as_of)
        if erasure and (asked or erasure["state"] != "deleted"):
            rows["erasures"].append(erasure)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceBroken(f"run {story.run}", "its records are damaged.") from None


def _instruction_row(
    entry: Entry, entries: Sequence[Entry], terms: Instruction, as_of: datetime
) -> Row:
    parties = [*terms.recipients, *terms.subprocessors]
    standing = standing_of(entry, entries, as_of)
    return {
        "controllers": list(entry.controllers),
        "instruction": entry.instruction["id"],
        "version": entry.version,
        "state": standing.state,
        "state_since": standing.at,
        "superseded_by": standing.version,
        "received_at": entry.received_at,
        "valid_from": timestamp(entry.valid_from),
        "valid_until": timestamp(entry.valid_until),
        "purpose": terms.purpose,
        "categories": sorted(category.value for category in terms.categories()),
        "special_categories": sorted(c.value for c in terms.categories() if c.special),
        "recipients": [f"{party.legal_name} ({party.country})" for party in terms.recipients],
        "third_countries": sorted({p.country for p in parties if p.country not in EEA}),
        "subprocessors": [f"{p.legal_name} ({p.country})" for p in terms.subprocessors],
        "contract": terms.processor.contract,
        "revoked_at": entry.revoked_at,
        "digest": entry.digest,
    }


def _processors(known: Sequence[Instruction]) -> list[dict[str, str]]:
    return list(_once(known))


def _once(known: Sequence[Instruction]) -> Iterator[dict[str, str]]:
    seen: list[dict[str, str]] = []
    for terms in known:
        dpo = terms.processor.dpo
        one = {
            "legal_name": terms.processor.legal_name,
            "dpo": dpo.name,
            "dpo_email": dpo.email,
        }
        if one not in seen:
            seen.append(one)
            yield one
