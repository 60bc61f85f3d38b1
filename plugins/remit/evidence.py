"""The evidence log: records, the Merkle tree over them (RFC 6962), signed checkpoints.

Guarantee: a log that `verify_log` accepts holds, in order and unchanged, every record that its
newest checkpoint covers, and extends every earlier checkpoint that the verifier brings along.
Not guaranteed: that a record is true, only that the holder of the processor's key recorded it then.
Who can write both the log and every kept checkpoint, and has that key, can write another history;
so keep checkpoints elsewhere (each delivery carries one to the target).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, Self

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import EvidenceBroken, Refused
from remit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from remit.ports import Clock
from remit.signing import PublicKey
from remit.succession import Succession

CHECKPOINT_TYPE = "application/vnd.remit.checkpoint+json"


@dataclass(frozen=True, slots=True)
class Record:
    """What happened: one canonical JSON object, the leaf of the tree.

    Attributes:
        seq: place in the log, from 0.
        run: the run it belongs to, and `step` its place within that run, from 0.
        kind: such as ``extracted``.
        at: when, ISO 8601 in UTC.
        by: the principal who did it.
        data: digests, counts, names of columns; never a value of a data subject.
    """

    seq: int
    run: str
    step: int
    kind: str
    at: str
    by: str
    data: Any

    def body(self) -> bytes:
        """The canonical bytes that are hashed and kept."""
        return canonical.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def parse(cls, body: bytes, where: str) -> Self:
        """Read a kept record.

        Raises:
            EvidenceBroken: the bytes are not a record in canonical form.
        """
        try:
            record = cls(**canonical.loads(body))
        except (ValueError, TypeError):
            record = None
        if record is None or not record._well_formed():
            raise EvidenceBroken(where, "the record was changed: it is no longer well formed.")
        return record

    def _well_formed(self) -> bool:
        places = {type(self.seq), type(self.step)}
        texts = {type(text) for text in (self.run, self.kind, self.at, self.by)}
        return places == {int} and texts == {str}


class Kept(NamedTuple):
    """A record as a ledger keeps it: its bytes, and the places by which it is found."""

    seq: int
    run: str
    step: int
    kind: str
    body: bytes

    def record(self) -> Record:
        """The record, in its place.

        Raises:
            EvidenceBroken: its bytes are damaged, or say another place.
        """
        record = Record.parse(self.body, f"record {self.seq}")
        if (record.seq, record.run, record.step, record.kind) != self[:4]:
            raise EvidenceBroken(
                f"record {self.seq}", "it is not in its place: records were moved or reordered."
            )
        return record


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the log at a size: the root over the first `size` records."""

    log: str
    size: int
    root: str
    at: str

    def sign(self, signer: Signer) -> bytes:
        """The DSSE envelope that is kept and handed out."""
        body = canonical.dumps({name: getattr(self, name) for name in self.__slots__})
        return signing.sign(body, CHECKPOINT_TYPE, signer)

    @classmethod
    def unverified(cls, envelope: bytes, where: str) -> Self:
        """What an envelope says, whoever wrote it.

        Raises:
            EvidenceBroken: it is not well formed.
        """
        try:
            payload = signing.unverified_payload(envelope, CHECKPOINT_TYPE, where)
            return cls(**canonical.loads(payload))
        except (Refused, ValueError, TypeError):
            raise EvidenceBroken(where, "it was changed: it is no longer well formed.") from None

    @classmethod
    def open(cls, envelope: bytes, keys: Sequence[PublicKey], where: str) -> Self:
        """Verify a checkpoint's signature and read it.

        Raises:
            EvidenceBroken: it was changed, or another key signed it.
        """
        try:
            fields = canonical.loads(signing.open_envelope(envelope, CHECKPOINT_TYPE, keys, where))
            return cls(**fields)
        except Refused as error:
            raise EvidenceBroken(where, error.message) from None
        except (ValueError, TypeError):
            raise EvidenceBroken(where, "the checkpoint is not well formed.") from None


class LedgerWriter(Protocol):
    """The inside of one append: nobody else appends meanwhile."""

    def newest(self) -> tuple[Frontier, bytes | None]:
        """The tree's right edge after the last append, and the checkpoint signed over it."""

    def steps(self, run: str) -> int:
        """How many records the run has."""

    def add(self, record: Record, frontier: Frontier, checkpoint: bytes) -> None:
        """Keep the record with the frontier and signed checkpoint that include it."""


class Ledger(Protocol):
    """Where the log is kept. Raises `Unavailable` when it does not answer."""

    label: str
    name: str
    """The log's own random name, made with it; checkpoints carry it."""

    def writing(self) -> AbstractContextManager[LedgerWriter]:
        """One atomic append."""

    def kept(
        self, run: str | None = None, kinds: Collection[str] = (), *, newest_first: bool = False
    ) -> Iterator[Kept]:
        """What is kept, in order: of one run or of all, of these kinds or of any."""

    def checkpoint(self, size: int | None = None) -> bytes | None:
        """The checkpoint kept for a size; without one, the newest."""

    def checkpoints(self) -> Iterator[tuple[int, Frontier, bytes]]:
        """Every size, with the frontier and checkpoint kept for it, in order."""

    def witnessed(self) -> bytes | None:
        """The newest checkpoint kept apart from the log, if there ever was one."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold `name` alone, across all that share the ledger, released when the holder dies.

        Raises:
            Unavailable: somebody else holds it; or, at an append or at the end, it was lost meanwhile.
        """

    def require_held(self) -> None:
        """Raise `Unavailable` when a lock that this process took was lost meanwhile."""


class EvidenceLog:
    """The log as the steps write and read it."""

    def __init__(self, ledger: Ledger, signer: Signer, clock: Clock) -> None:
        self._ledger = ledger
        self._signer = signer
        self._clock = clock

    @property
    def signer(self) -> Signer:
        """The processor's signer; manifests and certificates are signed with it as well."""
        return self._signer

    def append(self, run: str, kind: str, data: Any, by: str, *, step: int | None) -> Record:
        """Record what happened, as the run's record number `step`.

        Args:
            step: None for what is true whatever else was recorded of the run meanwhile, as by tasks
                that each work on a part of it: it takes the next number.

        Raises:
            Refused: run-moved, when another process recorded that step first; signing-key-rotated.
        """
        return self._append(run, kind, lambda _size, _at: data, by, step, self._signer)

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
        return self._append(run, "rotated", make, by, None, following)

    def _append(
        self,
        run: str,
        kind: str,
        make: Callable[[int, str], Any],
        by: str,
        step: int | None,
        signer: Signer,
    ) -> Record:
        with self._ledger.writing() as writer:
            step = writer.steps(run) if step is None else step
            if writer.steps(run) != step:
                raise Refused(
                    "run-moved",
                    f"run {run}",
                    "another process went on with this run at the same time.",
                    "look at its state (remit evidence show) and run the step again if it is due.",
                )
            frontier, newest = writer.newest()
            self._require_own(frontier, newest)
            self._require_no_cut(frontier)
            at = timestamp(self._clock())
            record = Record(frontier.size, run, step, kind, at, by, make(frontier.size, at))
            frontier = frontier.with_leaf(leaf_hash(record.body()))
            checkpoint = Checkpoint(self._ledger.name, frontier.size, frontier.root().hex(), at)
            writer.add(record, frontier, checkpoint.sign(signer))
            return record

    def _require_own(self, frontier: Frontier, newest: bytes | None) -> None:
        """Signing on top of a tree edge that we never signed would sign a forged history."""
        if newest is None:
            same = frontier.size == 0
        else:
            signed = self._open_own(newest, "the newest checkpoint")
            found = (self._ledger.name, frontier.size, frontier.root().hex())
            same = (signed.log, signed.size, signed.root) == found
        if not same:
            raise EvidenceBroken("the newest checkpoint", "the tree's edge is not what it signs.")

    def _require_no_cut(self, frontier: Frontier) -> None:
        """Appending to a log that was cut short would replace the witness that shows it."""
        witness = self._ledger.witnessed()
        if witness is None:
            return
        seen = self._open_own(witness, "the witness checkpoint")
        same = seen.size < frontier.size or seen.root == frontier.root().hex()
        if seen.log != self._ledger.name or seen.size > frontier.size or not same:
            raise EvidenceBroken(
                f"record {frontier.size}",
                f"the log was cut short or replaced: the witness has seen {seen.size} records.",
            )

    def require_own(self) -> None:
        """Refuse (signing-key-rotated) to begin what could not be recorded under our key.

        Raises:
            EvidenceBroken: the newest checkpoint is not ours.
        """
        if (newest := self._ledger.checkpoint()) is not None:
            self._open_own(newest, "the newest checkpoint")

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


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as all of remit's documents write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


# --- verification -----------------------------------------------------------------------------


def verify_log(
    ledger: Ledger, keys: Sequence[PublicKey], earlier: Sequence[bytes] = ()
) -> Checkpoint:
    """Check the whole log, in constant memory, and return the checkpoint that it matches.

    Args:
        keys: one of the keys that the processor has signed with; the others follow by the endorsements.
        earlier: envelopes of checkpoints that it must extend.

    The order: the newest checkpoint's signature; then record by record form, place and hash; the
    root at the size of each checkpoint (the newest, the witness, those in `earlier`); the end.

    Raises:
        EvidenceBroken: naming the first record or checkpoint that does not hold.
    """
    newest_envelope, witness = ledger.checkpoint(), ledger.witnessed()
    if newest_envelope is None:
        _refuse_emptied(ledger, witness, earlier)
        return Checkpoint(ledger.name, 0, EMPTY_ROOT.hex(), "")
    chain = succession(ledger).trusting(keys)
    newest = open_checkpoint(newest_envelope, chain, "the newest checkpoint")
    pinned = [newest]
    for place, envelope in [("the witness checkpoint", witness)] + [
        (f"earlier checkpoint {number}", given) for number, given in enumerate(earlier, 1)
    ]:
        if envelope is not None:
            pinned.append(open_checkpoint(envelope, chain, place))
    _compare(ledger, pinned)
    return newest


def open_checkpoint(envelope: bytes, chain: Succession, where: str) -> Checkpoint:
    """Verify a checkpoint by the key that was in force at its size.

    Raises:
        EvidenceBroken: it was changed, or another key signed it.
    """
    size = Checkpoint.unverified(envelope, where).size
    if type(size) is not int or not (keys := chain.in_force(size)):
        raise EvidenceBroken(where, "no key that is trusted was in force at its size.")
    return Checkpoint.open(envelope, keys, where)


def _refuse_emptied(ledger: Ledger, witness: bytes | None, earlier: Sequence[bytes]) -> None:
    if witness is not None or earlier or next(ledger.kept(), None) is not None:
        raise EvidenceBroken("the log", "it was cut short: the checkpoints that it had are gone.")


def _compare(ledger: Ledger, pinned: Sequence[Checkpoint]) -> None:
    for checkpoint in pinned:
        if checkpoint.log != ledger.name:
            raise EvidenceBroken(f"checkpoint {checkpoint.size}", "it belongs to another log.")
    roots = {checkpoint.size: checkpoint.root for checkpoint in pinned}
    if len({(c.size, c.root) for c in pinned}) != len(roots):
        raise EvidenceBroken("the checkpoints", "two of one size differ: the log was rewritten.")
    frontier, steps = Frontier(), dict[str, int]()
    for kept, signed in itertools.zip_longest(ledger.kept(), ledger.checkpoints()):
        if kept is None:
            break
        record = _check_place(frontier.size, kept, steps)
        frontier = frontier.with_leaf(leaf_hash(kept.body))
        steps[record.run] = record.step + 1
        if signed is not None:
            _check_kept_checkpoint(frontier, *signed)
        if frontier.size in roots and frontier.root().hex() != roots[frontier.size]:
            where = f"checkpoint {frontier.size}"
            raise EvidenceBroken(where, "the log was rewritten: it does not lead to it any more.")
    newest = max(roots)
    if frontier.size != newest:
        what = "cut short" if frontier.size < newest else "extended without a checkpoint"
        raise EvidenceBroken(
            f"record {frontier.size}", f"the log was {what}: {frontier.size} of {newest} records."
        )


def _check_kept_checkpoint(frontier: Frontier, size: int, edge: Frontier, envelope: bytes) -> None:
    """Its signature is not asked for: what counts are the newest and those kept elsewhere."""
    signed = Checkpoint.unverified(envelope, f"checkpoint {frontier.size}")
    expected = (frontier.size, frontier.size, frontier.root().hex(), frontier)
    if (size, signed.size, signed.root, edge) != expected:
        raise EvidenceBroken(
            f"record {frontier.size - 1}",
            "it was changed after it was recorded, or the checkpoint made with it was.",
        )


def _check_place(expected: int, kept: Kept, steps: dict[str, int]) -> Record:
    where = f"record {expected}"
    record = kept.record()
    if kept.seq != expected:
        raise EvidenceBroken(
            where, f"it is missing: record {kept.seq} follows record {expected - 1}."
        )
    if record.step != steps.get(record.run, 0):
        raise EvidenceBroken(where, "it is not in its place: records were dropped or reordered.")
    return record
