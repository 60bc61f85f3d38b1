"""The evidence log: records, the Merkle tree over them (RFC 6962), signed checkpoints.

Guarantee: a log that `verify_log` accepts holds, in order and unchanged, every record that its
newest checkpoint covers, and extends every earlier checkpoint that the verifier brings along.
Not guaranteed: that a record is true, only that the holder of the processor's key recorded it then.
Who can write both the log and every kept checkpoint, and has that key, can write another history;
so keep checkpoints elsewhere (each delivery carries one to the target).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from securesystemslib.signer import Signer

from remit import signing
from remit.errors import EvidenceBroken, Refused
from remit.merkle import Frontier, leaf_hash, nodes_text
from remit.ports import Clock
from remit.records import Checkpoint, Kept, Record, parse_timestamp, timestamp
from remit.succession import Succession

__all__ = [
    "Checkpoint",
    "EvidenceLog",
    "Fact",
    "Kept",
    "Ledger",
    "LedgerWriter",
    "Record",
    "of_kinds",
    "open_checkpoint",
    "parse_timestamp",
    "succession",
    "timestamp",
]


class LedgerWriter(Protocol):
    """The inside of one append: nobody else appends meanwhile."""

    def newest(self) -> tuple[Frontier, bytes | None]:
        """The tree's right edge after the last append, and the checkpoint signed over it."""

    def steps(self, run: str) -> int:
        """How many records the run has."""

    def add(self, kept: Kept) -> None:
        """Keep a record."""

    def close(self, frontier: Frontier, checkpoint: bytes) -> None:
        """Keep the frontier and signed checkpoint that include every record added."""


class Ledger(Protocol):
    """Where the log is kept. Raises `Unavailable` when it does not answer."""

    label: str
    name: str
    """The log's own random name, made with it; checkpoints carry it."""

    def writing(self) -> AbstractContextManager[LedgerWriter]:
        """One atomic append, durable when it is left."""

    def kept(
        self, run: str | None = None, kinds: Collection[str] = (), *, newest_first: bool = False
    ) -> Iterator[Kept]:
        """What is kept, in order: of one run or of all, of these kinds or of any."""

    def page(
        self, after: int | None, before: int, limit: int, kinds: Collection[str] = ()
    ) -> list[Kept]:
        """At most `limit` records, in order: those that follow record `after`, up to `before`.

        Nobody is kept from appending once it has returned.

        Args:
            kinds: only records of these kinds; of any by default.
        """

    def places(self, before: int) -> Iterator[tuple[str, int, int]]:
        """Run, step and place in the log of all records up to `before`, by run and then step."""

    def nodes(self, places: Collection[int]) -> dict[int, str]:
        """The nodes kept with the records at these places, as far as they are there."""

    def runs(self, before: int | None = None) -> Iterator[tuple[int, str]]:
        """The place of each run's first record, and the run; the newest first.

        Args:
            before: only runs whose first record is further back than this place.
        """

    def checkpoint(self) -> bytes | None:
        """The newest checkpoint."""

    def state(self) -> tuple[int, bytes | None]:
        """How many records there are, and the newest checkpoint, both at one moment."""

    def witnessed(self) -> bytes | None:
        """The newest checkpoint kept apart from the log, if there ever was one."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold `name` alone, across all that share the ledger, released when the holder dies.

        Raises:
            Unavailable: somebody else holds it; or, at an append or at the end, it was lost meanwhile.
        """

    def lock_all(self, names: Sequence[str]) -> AbstractContextManager[frozenset[str]]:
        """Hold those of the names that nobody else holds, which it gives; otherwise as `lock`."""

    def require_held(self) -> None:
        """Raise `Unavailable` when a lock that this process took was lost meanwhile."""


class Fact(NamedTuple):
    """What is to be recorded of a run; `step` as in `EvidenceLog.append`."""

    run: str
    kind: str
    data: Any
    step: int | None


class EvidenceLog:
    """The log as the steps write and read it."""

    def __init__(self, ledger: Ledger, signer: Signer, clock: Clock) -> None:
        self._ledger = ledger
        self._signer = signer
        self._clock = clock
        self._own: tuple[bytes, Checkpoint] | None = None

    @property
    def signer(self) -> Signer:
        """The processor's signer; manifests and certificates are signed with it as well."""
        return self._signer

    def append(self, run: str, kind: str, data: Any, by: str, *, step: int | None) -> Record:
        """Record what happened, as the run's record number `step`; durable when it returns.

        Args:
            step: None for what is true whatever else was recorded of the run meanwhile, as by tasks
                that each work on a part of it: it takes the next number.

        Raises:
            Refused: run-moved, when another process recorded that step first; signing-key-rotated.
        """
        return self.append_all([Fact(run, kind, data, step)], by)[0]

    def append_all(self, facts: Sequence[Fact], by: str) -> list[Record]:
        """Record several facts, all or none, under one checkpoint; durable when it returns.

        Raises:
            Refused: as `append`, for any of them.
        """
        return self._append(lambda _size, _at: facts, by, self._signer)

    def rotate(
        self, run: str, make: Callable[[int, str], Any], by: str, following: Signer
    ) -> Record:
        """Record that another key follows, and sign the log with it from this record on.

        Args:
            make: gives the data of the record ``rotated``, from its place in the log and its time,
                while nobody else appends.

        Raises:
            Refused: signing-key-rotated; what `make` refuses.
        """

        def facts(size: int, at: str) -> list[Fact]:
            return [Fact(run, "rotated", make(size, at), None)]

        return self._append(facts, by, following)[0]

    def _append(
        self, facts: Callable[[int, str], Sequence[Fact]], by: str, signer: Signer
    ) -> list[Record]:
        with self._ledger.writing() as writer:
            frontier, newest = writer.newest()
            self._require_own(frontier, newest)
            self._require_no_cut(frontier)
            at = timestamp(self._clock())
            records = []
            for fact in facts(frontier.size, at):
                step = _next_step(writer, fact)
                record = Record(frontier.size, fact.run, step, fact.kind, at, by, fact.data)
                body = record.body()
                frontier, nodes = frontier.with_leaf(leaf_hash(body))
                writer.add(Kept(*record.place, body, nodes_text(nodes)))
                records.append(record)
            checkpoint = Checkpoint(self._ledger.name, frontier.size, frontier.root().hex(), at)
            envelope = checkpoint.sign(signer)
            writer.close(frontier, envelope)
        # Of another key's we know nothing yet: who goes on with the old one must find out.
        self._own = (envelope, checkpoint) if signer is self._signer else None
        return records

    def _require_own(self, frontier: Frontier, newest: bytes | None) -> None:
        """Signing on top of a tree edge that we never signed would sign a forged history."""
        if newest is None:
            same = frontier.size == 0
        else:
            signed = self._opened(newest, "the newest checkpoint")
            found = (self._ledger.name, frontier.size, frontier.root().hex())
            same = (signed.log, signed.size, signed.root) == found
        if not same:
            raise EvidenceBroken("the newest checkpoint", "the tree's edge is not what it signs.")

    def _require_no_cut(self, frontier: Frontier) -> None:
        """Appending to a log that was cut short would replace the witness that shows it."""
        witness = self._ledger.witnessed()
        if witness is None:
            return
        seen = self._opened(witness, "the witness checkpoint")
        same = seen.size < frontier.size or seen.root == frontier.root().hex()
        if seen.log != self._ledger.name or seen.size > frontier.size or not same:
            raise EvidenceBroken(
                f"record {frontier.size}",
                f"the log was cut short or replaced: the witness has seen {seen.size} records.",
            )

    def _opened(self, envelope: bytes, where: str) -> Checkpoint:
        """What our own signature is on; of the very bytes that were signed or opened last, at once."""
        if self._own is None or self._own[0] != envelope:
            self._own = (envelope, self._open_own(envelope, where))
        return self._own[1]

    def require_own(self) -> None:
        """Refuse (signing-key-rotated) to begin what could not be recorded under our key.

        Raises:
            EvidenceBroken: the newest checkpoint is not ours.
        """
        if (newest := self._ledger.checkpoint()) is not None:
            self._opened(newest, "the newest checkpoint")

    def _open_own(self, envelope: bytes, where: str) -> Checkpoint:
        """A checkpoint of ours: under our key or, before it was rotated to, under one before it."""
        own = signing.key_of(self._signer)
        try:
            return Checkpoint.open(envelope, [own], where)
        except EvidenceBroken:
            chain = succession(self._ledger)
            if own not in chain.keys:
                raise
        if own != chain.keys[-1]:
            raise Refused(
                "signing-key-rotated",
                "REMIT_SIGNING_KEY",
                f"the key {own.key_id[:16]}… was rotated away: the log goes on under "
                f"{chain.keys[-1].key_id[:16]}….",
                "set REMIT_SIGNING_KEY to the key that was rotated to.",
            )
        return open_checkpoint(envelope, chain, where)

    def records(self, run: str | None = None) -> list[Record]:
        """The records of a run, or all, in order."""
        # All of it is read first: a damaged record would leave the reading open, and so keep
        # writers out for as long as somebody holds the error.
        everything = list(self._ledger.kept(run))
        return [kept.record() for kept in everything]

    @property
    def ledger(self) -> Ledger:
        """Where the log is kept, for reading."""
        return self._ledger

    def kept(self) -> Iterator[Kept]:
        """Everything that is kept, in order, unread."""
        return self._ledger.kept()

    def newest_checkpoint(self) -> bytes | None:
        """The envelope of the newest checkpoint."""
        return self._ledger.checkpoint()


def of_kinds(ledger: Ledger, *kinds: str, newest_first: bool = False) -> Iterator[Record]:
    """The records of these kinds, of every run, in order.

    Raises:
        EvidenceBroken: one of them is damaged.
    """
    return (kept.record() for kept in ledger.kept(kinds=kinds, newest_first=newest_first))


def succession(ledger: Ledger) -> Succession:
    """The processor's signing keys as the log has them.

    Raises:
        EvidenceBroken: an endorsement in it does not verify.
    """
    rotations = [(record.seq, record.data) for record in of_kinds(ledger, "rotated")]
    return Succession.read(ledger.name, rotations)


def open_checkpoint(envelope: bytes, chain: Succession, where: str) -> Checkpoint:
    """Verify a checkpoint by the key that was in force at its size.

    Raises:
        EvidenceBroken: it was changed, or another key signed it.
    """
    size = Checkpoint.unverified(envelope, where).size
    if type(size) is not int or not (keys := chain.in_force(size)):
        raise EvidenceBroken(where, "no key that is trusted was in force at its size.")
    return Checkpoint.open(envelope, keys, where)


def _next_step(writer: LedgerWriter, fact: Fact) -> int:
    steps = writer.steps(fact.run)
    if fact.step is not None and fact.step != steps:
        raise Refused(
            "run-moved",
            f"run {fact.run}",
            "another process went on with this run at the same time.",
            "look at its state (remit evidence show) and run the step again if it is due.",
        )
    return steps
