"""What of a run could have been read, where, and from when to when, as the evidence has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remit import canonical
from remit.custody.story import Story
from remit.errors import EvidenceBroken
from remit.evidence import timestamp
from remit.instruction import Instruction, digest_of, parse
from remit.instruction.trust import payload_of

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exposed:
    """One run of those that a notice is about.

    Attributes:
        tables: of each the rows, and the categories and columns that could have been read.
        times: what happened when, in order; each with `what`, one of `WHATS`, and `at`.
        places: where copies are or were, and until when; `until` is None for what may be there still.
        measures: what kept them from being read; see `remit.breach.telling`.
    """

    run: str
    instruction: Mapping[str, Any]
    terms: Instruction
    tables: list[Shown]
    times: list[Shown]
    places: list[Shown]
    measures: Shown

    def as_json(self) -> Shown:
        """As a draft in JSON has it."""
        return {
            "run": self.run,
            "instruction": dict(self.instruction),
            "tables": self.tables,
            "times": self.times,
            "places": self.places,
            "measures": self.measures,
        }


def exposed(story: Story, readable: Mapping[str, Collection[str]] | None = None) -> Exposed:
    """What could have been read of a run.

    Args:
        story: all of its records.
        readable: by table the columns that could; all that leave where nothing is said.

    Raises:
        EvidenceBroken: a record is not what remit writes.
    """
    try:
        terms = _terms(story)
        return Exposed(
            run=story.run,
            instruction=story.last("opened")["instruction"],
            terms=terms,
            tables=list(_tables(story, terms, readable)),
            times=list(_times(story)),
            places=list(_places(story)),
            measures=_measures(story, terms),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceBroken(f"run {story.run}", "its records are damaged.") from None


def _terms(story: Story) -> Instruction:
    text = payload_of(story.instruction_envelope)
    if digest_of(text) != story.last("opened")["instruction"]["digest"]:
        raise EvidenceBroken(
            f"run {story.run}", "its instruction is another text than the pinned one."
        )
    return parse(text)


def _tables(
    story: Story, terms: Instruction, readable: Mapping[str, Collection[str]] | None
) -> Iterator[Shown]:
    rows = _rows(story)
    for table in terms.tables:
        columns = [
            column
            for column in table.columns
            if readable is None or column.name in readable.get(table.name, ())
        ]
        if table.name in rows and (columns or readable is None):
            yield {
                "table": table.name,
                "rows": rows[table.name],
                "persons": not table.no_data_subject,
                "categories": sorted({column.category.value for column in columns}),
                "columns": [column.name for column in columns],
            }


def _rows(story: Story) -> dict[str, int]:
    """The rows of each table that was staged, whole or in part."""
    if story.has("extracted"):
        files = story.last("extracted")["files"]
    else:
        files = [record.data["file"] for record in story.records if record.kind == "piece"]
    found: dict[str, int] = {}
    for file in files:
        found[file["table"]] = found.get(file["table"], 0) + file["rows"]
    return found


WHATS = {
    "opened": "opened",
    "piece": "extracting",
    "extracted": "extracted",
    "sealed": "sealed",
    "delivering": "sending",
    "delivered": "delivered",
    "confirmed": "confirmed",
    "refused": "refused",
    "stopped": "stopped",
    "held": "held",
    "released": "released",
    "undeleted": "undeleted",
    "deleted": "deleted",
}
"""The kinds of records that tell when copies were made, read or removed, and what each is called."""


def _times(story: Story) -> Iterator[Shown]:
    seen: set[str] = set()
    for record in story.records:
        what = WHATS.get(record.kind)
        if what is None or (record.kind == "piece" and what in seen):
            continue
        seen.add(what)
        yield {"what": what, "at": record.at, "record": record.seq}


def _places(story: Story) -> Iterator[Shown]:
    """Where copies were made; what is staged goes with the deletion, as everything does."""
    gone = _at(story, "deleted")
    if story.has("obliged"):
        obliged = story.last("obliged")
        yield {
            "place": "staging",
            "where": str(obliged["staging"]),
            "from": _at(story, "piece") or _at(story, "extracted") or _at(story, "obliged"),
            "until": gone,
        }
        for file in obliged.get("dump", []):
            yield {"place": "dump", "where": str(file["path"]), "from": None, "until": gone}
    if story.has("delivering"):
        where = str(story.last("delivering")["to"])
        yield {"place": "landing", "where": where, "from": _at(story, "delivering"), "until": gone}
    if story.has("confirmed"):
        # The target's own copy is under its own control, and in nobody's evidence here.
        yield {"place": "target", "where": "", "from": _at(story, "confirmed"), "until": None}


def _measures(story: Story, terms: Instruction) -> Shown:
    obligation = story.obligation()
    deleted = story.last("deleted")["certificate"] if story.has("deleted") else None
    sealed = _at(story, "sealed")
    return {
        "encryption": terms.security.encryption,
        "recipients": [
            {
                "legal_name": party.legal_name,
                "country": party.country,
                "keys": [key.key_id for key in party.keys],
                "categories": [category.value for category in party.categories],
            }
            for party in terms.recipients
        ],
        "staging_key_destroyed_at": sealed or _at(story, "stopped") or _at(story, "deleted"),
        "deleted_at": _at(story, "deleted"),
        "certificate": canonical.sha256(deleted.encode()) if deleted else None,
        "deletion_due": timestamp(obligation.due) if obligation and not obligation.done else None,
        "pseudonymised": [
            f"{table.name}.{column.name}"
            for table in terms.tables
            for column in table.columns
            if column.transformation.kind == "pseudonym"
        ],
    }


def _at(story: Story, kind: str) -> str | None:
    return next((record.at for record in story.records if record.kind == kind), None)
