"""The Merkle tree over the evidence log (RFC 6962)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """RFC 6962 leaf hash, 32 bytes."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 interior hash, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the full subtrees along the tree's right edge, largest first."""

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def with_leaf(self, leaf: bytes) -> tuple[Frontier, list[bytes]]:
        """The frontier after one more leaf, and the nodes that it completes: itself, and upward."""
        roots, size, nodes = list(self.roots), self.size, [leaf]
        while size & 1:  # as many full subtrees join as the old size has trailing one bits
            nodes.append(node_hash(roots.pop(), nodes[-1]))
            size >>= 1
        return Frontier(self.size + 1, (*roots, nodes[-1])), nodes

    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        if not self.roots:
            return EMPTY_ROOT
        *rest, root = self.roots
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def nodes_text(nodes: Iterable[bytes]) -> str:
    """Nodes as a ledger keeps them: hex, with a space between."""
    return " ".join(node.hex() for node in nodes)


def parse_nodes(text: str) -> tuple[bytes, ...]:
    """The inverse of `nodes_text`. Raises ValueError."""
    nodes = tuple(bytes.fromhex(part) for part in text.split(" ")) if text else ()
    if nodes_text(nodes) != text or {len(node) for node in nodes} - {32}:
        raise ValueError("not nodes of a tree")
    return nodes


class Node(NamedTuple):
    """A full subtree: over 2 to the power of `height` leaves, of which `last` is the last."""

    last: int
    height: int


def proof_nodes(index: int, size: int) -> list[list[Node]]:
    """What the audit path of leaf `index` is made of, from the leaf upwards (RFC 6962, 2.1.1).

    Each step is the root over some full subtrees, largest first.
    """
    start, stop, path = 0, size, list[list[Node]]()
    while stop - start > 1:
        split = start + _split(stop - start)
        if index < split:
            path.append(_full_subtrees(split, stop))
            stop = split
        else:
            path.append(_full_subtrees(start, split))
            start = split
    return path[::-1]


def inclusion_proof(index: int, size: int, completed: Mapping[int, Sequence[bytes]]) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves.

    Args:
        completed: for each leaf, the nodes that it completes (`Frontier.with_leaf`); those that
            `proof_nodes` names suffice.

    Raises:
        LookupError: one of them is not there.
    """
    return [_root(step, completed) for step in proof_nodes(index, size)]


def consistency_nodes(old: int, size: int) -> list[list[Node]]:
    """What the proof is made of that a tree of `size` extends that of its first `old` leaves.

    Each step is the root over some full subtrees, in the order of RFC 6962, 2.1.2; none for `old` = `size`.

    Args:
        old: from 1 to `size`.
    """
    start, stop, path = 0, size, list[list[Node]]()
    while stop > old:
        split = start + _split(stop - start)
        if old <= split:
            path.append(_full_subtrees(split, stop))
            stop = split
        else:
            path.append(_full_subtrees(start, split))
            start = split
    return [*([_full_subtrees(start, stop)] if start else []), *path[::-1]]


def consistency_proof(old: int, size: int, completed: Mapping[int, Sequence[bytes]]) -> list[bytes]:
    """The proof itself; `completed` and errors as of `inclusion_proof`."""
    return [_root(step, completed) for step in consistency_nodes(old, size)]


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path shows that the tree of `size` leaves extends the one of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size or (old == size and (path or old_root != root)):
        return False
    if old == size:
        return True
    nodes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    found_old = found = nodes[0] if nodes else b""
    for node in nodes[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            found_old, found = node_hash(node, found_old), node_hash(node, found)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, node)
        first, last = first >> 1, last >> 1
    return (found_old, found, last) == (old_root, root, 0)


def _root(step: Sequence[Node], completed: Mapping[int, Sequence[bytes]]) -> bytes:
    return Frontier(0, tuple(completed[node.last][node.height] for node in step)).root()


def _full_subtrees(start: int, stop: int) -> list[Node]:
    found = []
    while start < stop:
        height = (stop - start).bit_length() - 1
        start += 1 << height
        found.append(Node(start - 1, height))
    return found


def root_from_proof(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to; None when the path has the wrong length."""
    if size == 1 or not path:
        return leaf if size == 1 and not path else None
    split = _split(size)
    *rest, sibling = path
    if index < split:
        below = root_from_proof(leaf, index, split, rest)
        return None if below is None else node_hash(below, sibling)
    below = root_from_proof(leaf, index - split, size - split, rest)
    return None if below is None else node_hash(sibling, below)


def _split(size: int) -> int:
    """The largest power of two below `size` (which is at least 2)."""
    return 1 << (size - 1).bit_length() - 1
