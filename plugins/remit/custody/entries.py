"""The register's entries: the versions of instructions as the evidence has them, and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from remit.custody.arrivals import Key, key_of
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Record, parse_timestamp, timestamp
from remit.instruction import VerifiedInstruction
from remit.instruction.revocation import Revocation

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of an instruction in the register.

    Attributes:
        instruction: its id, version and digest.
        controllers: their names, the first named first.
        valid_from: from when it may be acted on; `valid_until`: until when.
        supersedes: version and digest that it names, or None.
        envelope: the signed text.
        received_at: when it was received; `revoked_at`: when its revocation was, if it was.
        revocation: what was recorded then.
    """

    instruction: Data
    controllers: list[str]
    valid_from: datetime
    valid_until: datetime
    supersedes: Data | None
    envelope: bytes
    received_at: str
    revoked_at: str | None = None
    revocation: Data | None = None

    @property
    def key(self) -> Key:
        """What all versions have in common."""
        return Key(frozenset(self.controllers), self.instruction["id"])

    @property
    def version(self) -> int:
        """Its version."""
        return int(self.instruction["version"])

    @property
    def digest(self) -> str:
        """The digest of its text."""
        return str(self.instruction["digest"])


def entries_of(records: Iterable[Record]) -> list[Entry]:
    """Every version received, in the order of receipt, from all of the register's records.

    Raises:
        EvidenceBroken: a record is missing, or is not what the register writes.
    """
    entries: dict[str, Entry] = {}
    for number, record in enumerate(records):
        where = f"record {record.seq}"
        if record.step != number:
            raise EvidenceBroken(where, "records of the register were dropped or reordered.")
        try:
            digest = record.data["instruction"]["digest"]
            entries[digest] = _taken(record, entries.get(digest))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise EvidenceBroken(where, "it is not what the register writes.") from None
    return list(entries.values())


def require_in_force(entries: list[Entry], instruction: VerifiedInstruction, now: datetime) -> None:
    """Refuse an instruction that no longer binds.

    Raises:
        Refused: instruction-revoked, instruction-superseded, instruction-expired.
    """
    own = [entry for entry in entries if entry.key.fits(key_of(instruction))]
    where = _place(instruction)
    _require_standing(where, instruction.digest, own)
    _require_newest(where, instruction.terms.version, own, now)
    instruction.require_unexpired(now)


def require_receivable(entries: list[Entry], instruction: VerifiedInstruction) -> bool:
    """Refuse an instruction that contradicts what was received; False when it is no news.

    Raises:
        Refused: instruction-version-reused, instruction-succession.
    """
    if any(entry.digest == instruction.digest for entry in entries):
        return False
    same = [entry for entry in entries if entry.key.fits(key_of(instruction))]
    terms, where = instruction.terms, _place(instruction)
    digests = {entry.version: entry.digest for entry in same}
    if terms.version in digests:
        raise Refused(
            "instruction-version-reused",
            where,
            "another text of the same version was received before.",
            "give the new text the next version, and say what it supersedes.",
        )
    replaced = terms.supersedes
    if replaced and digests.get(replaced.version, replaced.digest) != replaced.digest:
        raise Refused(
            "instruction-succession",
            where,
            f"it supersedes another text of version {replaced.version} than the one received.",
            "name the digest of the version that the processor has (remit instruction verify).",
        )
    for entry in same:
        named = entry.supersedes
        if named and named["version"] == terms.version and named["digest"] != instruction.digest:
            raise Refused(
                "instruction-succession",
                where,
                f"version {entry.version}, received before, supersedes another text of it.",
                "find out which text the controller means, and remove the other one.",
            )
    return True


def ended_by(terms: Revocation, entries: Iterable[Entry], key: Key | None) -> Entry | None:
    """The version that a revocation ends; None when it is about none that was received.

    Raises:
        Refused: revocation-unknown, when it contradicts what was received.
    """
    own = [entry for entry in entries if key is None or entry.key.fits(key)]
    for entry in own:
        same = (entry.instruction["id"], entry.version) == (terms.id, terms.version)
        ours = terms.controller in entry.controllers
        if entry.digest == terms.digest:
            if not ours:
                raise unknown(terms, f"{terms.controller} is not a controller of that text.")
            if not same:
                raise unknown(terms, "the text of that digest has another id or version.")
            return entry
        if same and ours:
            raise unknown(terms, "it ends another text of this version than the one received.")
    return None


def unknown(terms: Revocation, what: str) -> Refused:
    """The refusal of a revocation that ends nothing that was received."""
    return Refused(
        "revocation-unknown",
        f"revocation of {terms.id} version {terms.version}",
        what,
        "ask the controller to revoke the very text that the processor has (remit record shows its "
        "digest); one that was never received is taken in with remit instruction receive FILE.",
    )


def received(instruction: VerifiedInstruction) -> Data:
    """What is recorded when an instruction is received."""
    terms = instruction.terms
    return {
        "instruction": {
            "id": terms.id,
            "version": terms.version,
            "digest": instruction.digest,
        },
        "controllers": [controller.name for controller in terms.controllers],
        "valid": {"from": timestamp(terms.valid.start), "until": timestamp(terms.valid.until)},
        "supersedes": terms.supersedes.model_dump() if terms.supersedes else None,
        "envelope": instruction.envelope.decode(),
    }


def arrived(instruction: VerifiedInstruction, at: str) -> Entry:
    """The entry that an instruction would be, were it received at that time."""
    return _entry(received(instruction), at)


def _taken(record: Record, known: Entry | None) -> Entry:
    """The entry after a record. KeyError when there is none that it could be about."""
    if record.kind == "received" and known is None:
        return _entry(record.data, record.at)
    if record.kind == "revoked" and known is not None:
        data = {name: str(record.data[name]) for name in ("controller", "reason", "envelope")}
        return replace(known, revoked_at=record.at, revocation=data)
    raise KeyError(record.kind)


def _entry(data: Mapping[str, Any], received_at: str) -> Entry:
    instruction, replaced = data["instruction"], data["supersedes"]
    controllers = [str(name) for name in data["controllers"]]
    if type(instruction["version"]) is not int or not controllers:
        raise TypeError
    return Entry(
        instruction={name: instruction[name] for name in ("id", "version", "digest")},
        controllers=controllers,
        valid_from=parse_timestamp(data["valid"]["from"]),
        valid_until=parse_timestamp(data["valid"]["until"]),
        supersedes={name: replaced[name] for name in ("version", "digest")} if replaced else None,
        envelope=data["envelope"].encode(),
        received_at=received_at,
    )


def _place(instruction: VerifiedInstruction) -> str:
    return f"instruction {instruction.terms.id} version {instruction.terms.version}"


def _require_standing(where: str, digest: str, own: list[Entry]) -> None:
    for entry in own:
        if entry.digest == digest and entry.revoked_at:
            raise Refused(
                "instruction-revoked",
                where,
                f"the controller revoked it; the processor has known since {entry.revoked_at}.",
                "ask the controller for a new version if the transfer is to go on.",
            )


def _require_newest(where: str, version: int, own: list[Entry], now: datetime) -> None:
    newer = [entry for entry in own if entry.version > version and entry.valid_from <= now]
    if newer:
        first = min(newer, key=lambda entry: entry.valid_from)
        newest = max(entry.version for entry in newer)
        raise Refused(
            "instruction-superseded",
            where,
            f"version {first.version} replaces it since {timestamp(first.valid_from)}.",
            f"start a new run under version {newest}.",
        )
