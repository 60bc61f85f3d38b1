"""What a key that fell into wrong hands could open or was believed for: from the evidence alone.

It tells names of tables and columns, categories, counts and times; never a value. What it cannot know
is what happened to copies that others kept; it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from remit.custody.key_acts import signers_of_runs, unknown_key
from remit.custody.key_roles import Known, Role, known_instructions, roles_of
from remit.custody.key_signed import Signed
from remit.custody.keys import revoked_keys
from remit.custody.story import Story, stories
from remit.evidence import Ledger, parse_timestamp, timestamp
from remit.instruction import Instruction

Shown = dict[str, Any]
_TELLING = (
    "opened obliged piece extracted sealing sealed delivering delivered confirmed held stopped "
    "dump-kept deleted"
).split()


def impact(ledger: Ledger, key_id: str, since: datetime | None = None) -> Shown:
    """What there is to say about a key, as JSON would have it.

    Args:
        since: from when it may have been in wrong hands; by default what its revocation says, or ever.

    Raises:
        Refused: key-unknown.
        EvidenceBroken: a record is damaged.
    """
    revoked = revoked_keys(ledger).get(key_id)
    since = since or (revoked.since if revoked else None)
    instructions = known_instructions(ledger)
    roles = roles_of(key_id, instructions, signers_of_runs(ledger))
    runs = [
        story
        for story in stories(kept.record() for kept in ledger.kept(kinds=_TELLING))
        if story.has("opened")
    ]
    known = {one.entry.digest: one for one in instructions}
    reached = [*_recipient_runs(roles, runs), *_staged_runs(key_id, runs, known)]
    signed = Signed(ledger, key_id, since).as_json(roles, runs)
    if not roles and not reached and not any(signed.values()):
        raise unknown_key(key_id)
    counted = [one for one in reached if _existed(one, since)]
    return {
        "key_id": key_id,
        "revoked": revoked.as_json() if revoked else None,
        "since": timestamp(since) if since else None,
        "roles": [role.as_json() for role in roles],
        "could_open": counted,
        "gone_before": [one["run"] for one in reached if one not in counted],
        "signed": signed,
        "not_known": list(_not_known(roles, reached, signed)),
    }


def _recipient_runs(roles: Iterable[Role], runs: Iterable[Story]) -> Iterator[Shown]:
    """What a recipient's key opens of each run under an instruction that names it."""
    for role in (role for role in roles if role.kind == "recipient"):
        terms = role.known.terms
        party = next(one for one in terms.recipients if one.name == role.party)
        given = {category.value for category in party.categories}
        for story in runs:
            if _digest(story) == role.known.entry.digest and _written(story):
                yield _opened(story, terms, given, role.party, until=_at(story, "deleted"))


def _staged_runs(key_id: str, runs: Iterable[Story], known: dict[str, Known]) -> Iterator[Shown]:
    """What a run's own staging key opens: all of it, until the key was destroyed."""
    for story in runs:
        if story.has("extracted") and story.staging_key.key_id == key_id:
            terms = known[_digest(story)].terms
            everything = {category.value for category in terms.categories()}
            ended = min(filter(None, (_at(story, kind) for kind in _DESTROYS)), default=None)
            yield _opened(story, terms, everything, "the processor, while staged", until=ended)


_DESTROYS = ("sealed", "stopped", "deleted")
"""What is recorded once a run's staging key is destroyed."""


def _opened(
    story: Story, terms: Instruction, given: set[str], party: str, until: str | None
) -> Shown:
    obligation = story.obligation()
    rows = _rows(story)
    return {
        "run": story.run,
        "instruction": story.last("opened")["instruction"],
        "party": party,
        "tables": [
            {
                "table": table.name,
                "rows": rows.get(table.name, 0),
                "categories": sorted({c.category.value for c in table.columns} & given),
                "columns": [c.name for c in table.columns if c.category.value in given],
            }
            for table in terms.tables
        ],
        "from": _at(story, "piece") or _at(story, "extracted"),
        "until": until,
        "delivered_at": _at(story, "delivered"),
        "confirmed_at": _at(story, "confirmed"),
        "deleted_at": _at(story, "deleted"),
        "deletion_due": timestamp(obligation.due) if obligation and not obligation.done else None,
    }


def _existed(one: Shown, since: datetime | None) -> bool:
    """Whether there was still something to be taken here when the key was lost."""
    return since is None or one["until"] is None or parse_timestamp(one["until"]) >= since


def _not_known(roles: list[Role], reached: list[Shown], signed: Shown) -> Iterator[str]:
    if reached:
        yield (
            "whether somebody took copies of the files while they were here or at the landing zone: "
            "such copies stay open to the key"
        )
        yield "what the target did with what it has decrypted"
    if any(role.kind in ("receipt", "controller") for role in roles):
        yield "what was signed with the key and never reached this processor"
    if signed["log"]:
        yield "whether what was recorded under the key is true; only that what others keep matches it"


def _written(story: Story) -> bool:
    return story.has("extracted") or story.has("piece")


def _rows(story: Story) -> dict[str, int]:
    """The rows of each table that was staged, whole or in part."""
    if story.has("extracted"):
        files = story.last("extracted")["files"]
    else:
        files = [record.data["file"] for record in story.records if record.kind == "piece"]
    rows: dict[str, int] = {}
    for file in files:
        rows[file["table"]] = rows.get(file["table"], 0) + file["rows"]
    return rows


def _digest(story: Story) -> str:
    return str(story.last("opened")["instruction"]["digest"])


def _at(story: Story, kind: str) -> str | None:
    return next((record.at for record in story.records if record.kind == kind), None)
