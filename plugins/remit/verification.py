"""Verification of the whole evidence log; what it guarantees is said in `remit.evidence`.

Records are looked through in ranges, by several processes if there are some to spare: each finds
the form, place, hash and nodes of its records, this one joins the ranges' subtrees to one tree.
Memory is bounded by a few ranges, however long the log is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import NamedTuple

from remit.errors import EvidenceBroken, Unavailable
from remit.evidence import Ledger, open_checkpoint, succession
from remit.merkle import EMPTY_ROOT, Frontier, leaf_hash, nodes_text
from remit.records import Checkpoint, Kept
from remit.signing import PublicKey

RANGE = 1 << 11
"""Records looked through at once; a power of two, so that a range is one subtree."""
_WORTH_PROCESSES = 20_000
"""Below so many records, starting a process takes longer than what it would save."""


def verify_log(
    ledger: Ledger, keys: Sequence[PublicKey], earlier: Sequence[bytes] = (), processes: int = 1
) -> Checkpoint:
    """Check the whole log, in bounded memory, and return the checkpoint that it matches.

    The order: the newest checkpoint's signature, the witness's, and those in `earlier`; then record by
    record form, place, hash and nodes; the root at the size of each checkpoint; the end; the
    records of each run, numbered without a gap. Records that are appended meanwhile are not looked at.

    Args:
        keys: one of those that the processor has signed with; the others follow by their endorsements.
        earlier: envelopes of checkpoints that it must extend.
        processes: how many look through records at the same time. What they find is the same.

    Raises:
        EvidenceBroken: naming the first record or checkpoint that does not hold.
        Unavailable: the ledger does not answer, or a process died.
    """
    (there, newest_envelope), witness = ledger.state(), ledger.witnessed()
    if newest_envelope is None:
        if witness is not None or earlier or there:
            gone = "it was cut short: the checkpoints that it had are gone."
            raise EvidenceBroken("the log", gone)
        return Checkpoint(ledger.name, 0, EMPTY_ROOT.hex(), "")
    chain = succession(ledger).trusting(keys)
    newest = open_checkpoint(newest_envelope, chain, "the newest checkpoint")
    pinned = [newest]
    for place, envelope in [("the witness checkpoint", witness)] + [
        (f"earlier checkpoint {number}", given) for number, given in enumerate(earlier, 1)
    ]:
        if envelope is not None:
            pinned.append(open_checkpoint(envelope, chain, place))
    roots = _roots(ledger, pinned)
    found = _compare(ledger, newest.size, roots, processes)
    if found < max(roots):
        raise _ends_at(found, "cut short", max(roots))
    if there > newest.size:
        raise _ends_at(there, "extended without a checkpoint", newest.size)
    _require_numbered(ledger, newest.size)
    return newest


def _ends_at(found: int, what: str, signed: int) -> EvidenceBroken:
    message = f"the log was {what}: {found} of {signed} records."
    return EvidenceBroken(f"record {found}", message)


def _roots(ledger: Ledger, pinned: Sequence[Checkpoint]) -> dict[int, str]:
    """The root that there must be at each size."""
    for checkpoint in pinned:
        if checkpoint.log != ledger.name:
            raise EvidenceBroken(f"checkpoint {checkpoint.size}", "it belongs to another log.")
    roots = {checkpoint.size: checkpoint.root for checkpoint in pinned}
    if len({(c.size, c.root) for c in pinned}) != len(roots):
        raise EvidenceBroken("the checkpoints", "two of one size differ: the log was rewritten.")
    return roots


def _require_numbered(ledger: Ledger, size: int) -> None:
    """Each run's records, found as its steps find them, count from 0 in the order of the log."""
    run, step, last, count, wrong = None, 0, -1, 0, size
    for own, found, seq in ledger.places(size):
        if own != run:
            run, step, last = own, 0, -1
        if found != step or seq <= last:
            wrong = min(wrong, seq)
        step, last, count = found + 1, seq, count + 1
    if wrong < size:
        where = f"record {wrong}"
        raise EvidenceBroken(where, "it is not in its place: records were dropped or reordered.")
    if count != size:
        raise EvidenceBroken("the log", f"only {count} of {size} records are found by their run.")


# --- range by range -------------------------------------------------------------------------------


class Range(NamedTuple):
    """Records that should be those from `start` on, and the sizes, within it, whose roots are asked."""

    start: int
    records: Sequence[Kept]
    sizes: Collection[int]


class Found(NamedTuple):
    """What a range holds.

    Attributes:
        subtrees: for each size asked, the full subtrees within the range up to there.
        root: of the whole range, if it is full.
        above: what is kept with the range's last record of nodes higher than the range.
    """

    size: int
    subtrees: dict[int, tuple[bytes, ...]]
    root: bytes | None
    above: str


class Broken(NamedTuple):
    """An `EvidenceBroken` on its way from another process."""

    where: str
    message: str


def _compare(ledger: Ledger, size: int, roots: dict[int, str], processes: int) -> int:
    """Hold each record to the tree and the tree to the checkpoints; how many records there are."""
    ranges = _ranges(ledger, size, roots)
    left, count = Frontier(), 0  # its leaves are whole ranges
    for found in _looked_through(ranges, processes if size >= _WORTH_PROCESSES else 1):
        if isinstance(found, Broken):
            raise EvidenceBroken(*found)
        for within, subtrees in found.subtrees.items():
            at = count + within
            if Frontier(at, left.roots + subtrees).root().hex() != roots[at]:
                rewritten = "the log was rewritten: it does not lead to it any more."
                raise EvidenceBroken(f"checkpoint {at}", rewritten)
        count += found.size
        if found.root is not None:
            left, nodes = left.with_leaf(found.root)
            if found.above != nodes_text([b"", *nodes[1:]]):
                raise _changed(count - 1)
    return count


def _ranges(ledger: Ledger, size: int, roots: Collection[int]) -> Iterator[Range]:
    after, start = None, 0
    while records := ledger.page(after, size, RANGE):
        sizes = [at - start for at in sorted(roots) if start < at <= start + RANGE]
        yield Range(start, records, sizes)
        after, start = records[-1].seq, start + len(records)


def _looked_through(ranges: Iterator[Range], processes: int) -> Iterator[Found | Broken]:
    """What is found in each range, in order, with as many ranges in memory as keep all busy."""
    if processes < 2:
        yield from map(look_through, ranges)
        return
    waiting: deque[Future[Found | Broken]] = deque()
    # Spawned: a fork would take along the ledger's connections.
    pool = ProcessPoolExecutor(processes, get_context("spawn"))
    try:
        for one in ranges:
            waiting.append(pool.submit(look_through, one))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise Unavailable("the log", "a process that looked through records died.") from None
    finally:
        pool.shutdown(cancel_futures=True)


def look_through(one: Range) -> Found | Broken:
    """Look through a range by itself: the first record that does not hold, or its tree."""
    try:
        return _look_through(one)
    except EvidenceBroken as error:
        return Broken(error.where, error.message)


def _look_through(one: Range) -> Found:
    own, subtrees, above = Frontier(), dict[int, tuple[bytes, ...]](), ""
    for kept in one.records:
        _require_place(one.start + own.size, kept)
        own, nodes = own.with_leaf(leaf_hash(kept.body))
        text = nodes_text(nodes)
        if own.size == RANGE:
            above = kept.nodes[len(text) :]
        if kept.nodes != text + above:
            raise _changed(kept.seq)
        if own.size in one.sizes:
            subtrees[own.size] = own.roots
    root = own.roots[0] if own.size == RANGE else None
    return Found(own.size, subtrees, root, above)


def _require_place(expected: int, kept: Kept) -> None:
    kept.record()
    if kept.seq != expected:
        missing = f"it is missing: record {kept.seq} follows record {expected - 1}."
        raise EvidenceBroken(f"record {expected}", missing)


def _changed(seq: int) -> EvidenceBroken:
    what = "it was changed after it was recorded, or the tree's nodes kept with it were."
    return EvidenceBroken(f"record {seq}", what)
