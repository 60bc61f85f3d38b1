"""The register: every instruction received and revoked, as the evidence has it (Art. 28(3)(a)).

Guarantee: an instruction is in force only while no higher version of it that was received is valid
yet, nobody revoked it, and it has not expired. What was once received or revoked stays so, though
its file be removed: the evidence remembers.
Not guaranteed: that what the controller signed arrived. The register takes in what is in the
deployment's folder of instructions at each step, and what `remit instruction receive` is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from remit.custody.arrivals import Key, instructions_in, read_envelope, revocations_in
from remit.custody.deployment import Deployment
from remit.custody.entries import (
    Data,
    Entry,
    arrived,
    ended_by,
    entries_of,
    received,
    require_in_force,
    require_receivable,
    unknown,
)
from remit.custody.keys import revoked_keys
from remit.custody.story import REGISTER
from remit.errors import Refused, Unavailable
from remit.instruction import TrustStore, VerifiedInstruction, require_other_signatures
from remit.instruction.revocation import (
    VerifiedRevocation,
    revocation_path,
    verify_revocation,
)

_TRIES = 20


def with_arrivals(
    entries: list[Entry],
    folder: Path,
    trust: TrustStore,
    key: Key,
    at: str,
    revoked: Collection[str] = (),
) -> list[Entry]:
    """The entries as they would be once what arrived is taken in; nothing is recorded.

    Args:
        revoked: ids of keys whose signatures count no more.

    Raises:
        Refused: what is wrong with a revocation; two texts of one version.
        Unavailable: the folder cannot be read.
    """
    found = {entry.digest: entry for entry in entries}
    for instruction in instructions_in(folder, trust, found, key):
        if _stands(instruction, trust, revoked) and require_receivable(
            list(found.values()), instruction
        ):
            found[instruction.digest] = arrived(instruction, at)
    for revocation in revocations_in(folder, trust, _revocations(entries)):
        entry = ended_by(revocation.terms, found.values(), key)
        if entry is not None and entry.revoked_at is None:
            found[entry.digest] = replace(entry, revoked_at=at)
    return list(found.values())


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
            Refused: instruction-version-reused, instruction-succession; controller-key-revoked, so
                that a version under a stolen key supersedes nothing.
        """
        if instruction.digest not in _digests(self.entries()):
            require_other_signatures(instruction, self._deployment.trust, self._revoked_keys())

        def fresh() -> bool:
            return require_receivable(self.entries(), instruction)

        return self._append("received", received(instruction), fresh)

    def revoke(self, revocation: VerifiedRevocation) -> bool:
        """Record a revocation; False when the text was revoked before.

        Raises:
            Refused: revocation-unknown, when the text that it ends was never received.
        """
        entry = ended_by(revocation.terms, self.entries(), None)
        if entry is None:
            raise unknown(revocation.terms, "no instruction with this digest was received.")
        data = {
            "instruction": entry.instruction,
            "controller": revocation.terms.controller,
            "reason": revocation.terms.reason,
            "envelope": revocation.envelope.decode(),
        }

        def fresh() -> bool:
            return not any(e.revoked_at for e in self.entries() if e.digest == entry.digest)

        return self._append("revoked", data, fresh)

    def revoke_beside(self, file: Path) -> bool:
        """Record the revocation beside an instruction's file; False when it is none, or no news.

        Raises:
            Refused: what is wrong with it.
            Unavailable: it cannot be read.
        """
        path = revocation_path(file)
        if not os.path.lexists(path):
            return False
        envelope = read_envelope(path)
        return self.revoke(verify_revocation(envelope, self._deployment.trust, path.name))

    def take_in(self, key: Key | None = None) -> None:
        """Record whatever of the instructions' folder is new.

        An instruction there that does not verify binds nobody and is left alone; a revocation that
        does not verify is refused, for somebody wanted a transfer to end.

        Args:
            key: of which instruction; all of them by default.

        Raises:
            Refused: what is wrong with a revocation; two texts of one version.
            Unavailable: the folder cannot be read.
        """
        folder, trust = self._deployment.instructions, self._deployment.trust
        for instruction in instructions_in(folder, trust, _digests(self.entries()), key):
            if _stands(instruction, trust, self._revoked_keys()):
                self.receive(instruction)
        for revocation in revocations_in(folder, trust, _revocations(self.entries())):
            if ended_by(revocation.terms, self.entries(), key) is not None:
                self.revoke(revocation)

    def require_in_force(self, instruction: VerifiedInstruction, now: datetime) -> None:
        """Refuse an instruction that no longer binds, as far as the register knows.

        Raises:
            Refused: instruction-revoked, instruction-superseded, instruction-expired.
        """
        require_in_force(self.entries(), instruction, now)

    def _revoked_keys(self) -> Collection[str]:
        return revoked_keys(self._deployment.log.ledger)

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


def _stands(instruction: VerifiedInstruction, trust: TrustStore, revoked: Collection[str]) -> bool:
    """Whether it is signed without the revoked keys; otherwise it binds nobody, as if unsigned."""
    try:
        require_other_signatures(instruction, trust, revoked)
    except Refused:
        return False
    return True


def _digests(entries: Iterable[Entry]) -> set[str]:
    return {entry.digest for entry in entries}


def _revocations(entries: Iterable[Entry]) -> set[bytes]:
    return {entry.revocation["envelope"].encode() for entry in entries if entry.revocation}
