"""The register: every instruction received and revoked, as the evidence has it (Art. 28(3)(a)).

Guarantee: an instruction is in force only while no higher version of it that was received is valid
yet, nobody revoked it, and it has not expired. What was once received or revoked stays so, though
its file be removed: the evidence remembers.
Not guaranteed: that what the controller signed arrived. The register takes in what is in the
deployment's folder of instructions at each step, and what `remit instruction receive` is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from remit.custody.deployment import Deployment
from remit.custody.story import REGISTER
from remit.errors import Refused, Unavailable
from remit.evidence import Record, parse_timestamp, timestamp
from remit.instruction import TrustStore, VerifiedInstruction, verify
from remit.instruction.revocation import (
    REVOCATION_SUFFIX,
    VerifiedRevocation,
    claimed_id,
    verify_revocation,
)
from remit.instruction.trust import ENVELOPE_SUFFIX

_TRIES = 20
Data = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of an instruction in the register.

    Attributes:
        data: what was recorded when it was received.
        received_at: when that was; `revoked_at`: when its revocation was, if it was.
        reason: why it was revoked.
    """

    data: Mapping[str, Any]
    received_at: str
    revoked_at: str | None = None
    reason: str | None = None

    @property
    def instruction(self) -> Data:
        """Its id, version and digest."""
        return dict(self.data["instruction"])

    @property
    def controllers(self) -> list[str]:
        """The names of its controllers, the first named first."""
        return list(self.data["controllers"])

    @property
    def envelope(self) -> bytes:
        """The signed text."""
        return str(self.data["envelope"]).encode()

    @property
    def key(self) -> Key:
        """The controller and the id, which all versions share."""
        return self.controllers[0], str(self.instruction["id"])

    @property
    def valid_from(self) -> datetime:
        """From when it may be acted on."""
        return parse_timestamp(self.data["valid"]["from"])

    @property
    def valid_until(self) -> datetime:
        """Until when."""
        return parse_timestamp(self.data["valid"]["until"])


def entries_of(records: Iterable[Record]) -> list[Entry]:
    """Every version received, in the order of receipt, from the register's records."""
    entries: dict[str, Entry] = {}
    for record in records:
        digest = record.data["instruction"]["digest"]
        if record.kind == "received":
            entries[digest] = Entry(record.data, record.at)
        elif record.kind == "revoked":
            entries[digest] = replace(
                entries[digest], revoked_at=record.at, reason=record.data["reason"]
            )
    return list(entries.values())


def with_arrivals(
    entries: list[Entry], folder: Path, trust: TrustStore, key: Key, at: str
) -> list[Entry]:
    """The entries as they would be once what arrived is taken in; nothing is recorded.

    Raises:
        Refused: what is wrong with a revocation.
    """
    found = {entry.instruction["digest"]: entry for entry in entries}
    for instruction in _arrived(folder, trust, entries, key):
        found.setdefault(instruction.digest, Entry(_received(instruction), at))
    for revocation in _revocations(folder, trust, key):
        entry = found.get(revocation.terms.digest)
        if entry is not None and entry.revoked_at is None:
            found[revocation.terms.digest] = replace(entry, revoked_at=at)
    return list(found.values())


def require_in_force(entries: list[Entry], instruction: VerifiedInstruction, now: datetime) -> None:
    """Refuse an instruction that no longer binds.

    Raises:
        Refused: instruction-revoked, instruction-superseded, instruction-expired.
    """
    own = [entry for entry in entries if entry.key == key_of(instruction)]
    where = f"instruction {instruction.terms.id} version {instruction.terms.version}"
    _require_standing(where, instruction.digest, own)
    _require_newest(where, instruction.terms.version, own, now)
    instruction.require_unexpired(now)


class Register:
    """The instructions that a deployment received."""

    def __init__(self, deployment: Deployment, by: str) -> None:
        """Take up the register.

        Args:
            by: the principal in whose name what arrives is recorded.
        """
        self._deployment, self._by = deployment, by

    def entries(self) -> list[Entry]:
        """Every version received, in the order of receipt."""
        return entries_of(self._deployment.log.records(REGISTER))

    def receive(self, instruction: VerifiedInstruction) -> bool:
        """Record an instruction; False when it was received before.

        Raises:
            Refused: instruction-version-reused, instruction-succession.
        """
        data = _received(instruction)

        def fresh() -> bool:
            return require_receivable(self.entries(), instruction)

        return self._append("received", data, fresh)

    def revoke(self, revocation: VerifiedRevocation) -> bool:
        """Record a revocation; False when it was received before.

        Raises:
            Refused: revocation-unknown, when the text that it ends was never received.
        """
        terms = revocation.terms
        for entry in self.entries():
            if (
                terms.controller in entry.controllers
                and entry.instruction["digest"] == terms.digest
            ):
                break
        else:
            raise Refused(
                "revocation-unknown",
                f"revocation of {terms.id} version {terms.version}",
                "no instruction with this digest was received from that controller.",
                "have the instruction itself received first: remit instruction receive FILE.",
            )
        data = {
            "instruction": entry.instruction,
            "controller": terms.controller,
            "reason": terms.reason,
            "envelope": revocation.envelope.decode(),
        }

        def fresh() -> bool:
            return not any(
                e.revoked_at for e in self.entries() if e.instruction == data["instruction"]
            )

        return self._append("revoked", data, fresh)

    def take_in(self, key: Key | None = None) -> None:
        """Record whatever of the instructions' folder is new.

        An instruction there that does not verify binds nobody and is left alone; a revocation that
        does not verify is refused, for somebody wanted a transfer to end.

        Args:
            key: the controller and id of the instruction that matters now; all of them by default.

        Raises:
            Refused: what is wrong with a revocation; two texts of one version.
        """
        folder, trust = self._deployment.instructions, self._deployment.trust
        for instruction in _arrived(folder, trust, self.entries(), key):
            self.receive(instruction)
        for revocation in _revocations(folder, trust, key):
            if any(e.instruction["digest"] == revocation.terms.digest for e in self.entries()):
                self.revoke(revocation)

    def require_in_force(self, instruction: VerifiedInstruction, now: datetime) -> None:
        """Refuse an instruction that no longer binds, as far as the register knows.

        Raises:
            Refused: instruction-revoked, instruction-superseded, instruction-expired.
        """
        require_in_force(self.entries(), instruction, now)

    def _append(self, kind: str, data: Data, fresh: Callable[[], bool]) -> bool:
        """Append unless somebody else just did."""
        log = self._deployment.log
        for _ in range(_TRIES):
            step = len(log.records(REGISTER))
            if not fresh():
                return False
            try:
                log.append(REGISTER, kind, data, self._by, step=step)
            except Refused as refusal:
                if refusal.code != "run-moved":
                    raise
                continue  # another process recorded something meanwhile: look again
            return True
        raise Unavailable("the register of instructions", "others keep recording in it.")


def _require_standing(where: str, digest: str, own: list[Entry]) -> None:
    for entry in own:
        if entry.instruction["digest"] == digest and entry.revoked_at:
            raise Refused(
                "instruction-revoked",
                where,
                f"the controller revoked it; the processor has known since {entry.revoked_at}.",
                "ask the controller for a new version if the transfer is to go on.",
            )


def _require_newest(where: str, version: int, own: list[Entry], now: datetime) -> None:
    for entry in own:
        newer = entry.instruction["version"]
        if newer > version and entry.valid_from <= now:
            raise Refused(
                "instruction-superseded",
                where,
                f"version {newer} replaces it since {timestamp(entry.valid_from)}.",
                f"start a new run under version {newer}.",
            )


def require_receivable(entries: list[Entry], instruction: VerifiedInstruction) -> bool:
    """Refuse an instruction that contradicts what was received; False when it is no news.

    Raises:
        Refused: instruction-version-reused, instruction-succession.
    """
    terms = instruction.terms
    same = [entry for entry in entries if entry.key == key_of(instruction)]
    if any(entry.instruction["digest"] == instruction.digest for entry in same):
        return False
    where = f"instruction {terms.id} version {terms.version}"
    digests = {entry.instruction["version"]: entry.instruction["digest"] for entry in same}
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
    return True


def _received(instruction: VerifiedInstruction) -> Data:
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


def key_of(instruction: VerifiedInstruction) -> Key:
    """The controller and the id, which all versions of an instruction share."""
    return instruction.terms.controller.name, instruction.terms.id


def _arrived(
    folder: Path, trust: TrustStore, entries: list[Entry], key: Key | None
) -> Iterator[VerifiedInstruction]:
    """The instructions in the folder that are new; a draft or a stranger's letter is none."""
    known = {entry.envelope for entry in entries}
    for path in _files(folder, ENVELOPE_SUFFIX):
        envelope = b"" if path.name.endswith(REVOCATION_SUFFIX) else _read(path)
        if not envelope or envelope in known:
            continue
        try:
            found = verify(envelope, trust, now=None)
        except Refused:
            continue
        if key in (None, key_of(found)):
            yield found


def _revocations(folder: Path, trust: TrustStore, key: Key | None) -> Iterator[VerifiedRevocation]:
    for path in _files(folder, REVOCATION_SUFFIX):
        envelope = _read(path)
        if key is None or claimed_id(envelope, path.name) == key[1]:
            yield verify_revocation(envelope, trust, path.name)


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(folder.rglob(f"*{suffix}")) if folder.is_dir() else []
    except OSError as error:
        raise Unavailable(str(folder), f"it cannot be read ({error.strerror}).") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(str(path), f"it cannot be read ({error.strerror}).") from None
