"""The evidence in a bundle: the one truth, from which every other file in it follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit import canonical
from remit.errors import EvidenceBroken
from remit.evidence import Checkpoint, Record
from remit.merkle import leaf_hash, nodes_text, parse_nodes, root_from_proof
from remit.succession import KEYS

FORMAT = "remit-bundle-2"
_HEAD, _CHECKPOINT = "evidence/bundle.json", "evidence/checkpoint.dsse.json"
_GROWTH = "evidence/consistency.proof"
_LONGEST_PROOF = 64


@dataclass(frozen=True, slots=True)
class Proved:
    """Records under one name of the log, in order, and the audit path of each."""

    records: tuple[Record, ...]
    paths: tuple[tuple[bytes, ...], ...]

    def require_included(self, name: str, signed: Checkpoint) -> None:
        """Raise `EvidenceBroken` unless they are all of `name`, from its first on, and in the log."""
        for number, (record, path) in enumerate(zip(self.records, self.paths, strict=True)):
            where = f"record {record.seq}"
            if (record.run, record.step) != (name, number):
                raise EvidenceBroken(where, "records were dropped, added or reordered.")
            if root_of(record, signed.size, path) != signed.root:
                raise EvidenceBroken(where, "it is not in the log that the checkpoint signs.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run's records, those of the processor's keys, and the checkpoint that covers both.

    Attributes:
        consistency: the proof that the log extends the one whose checkpoint the manifest carries; no
            nodes where there is no manifest.
    """

    run: str
    checkpoint: bytes
    keys: Proved
    records: Proved
    consistency: tuple[bytes, ...] = ()

    def last(self, kind: str) -> Record | None:
        """The last record of a kind."""
        return next((one for one in reversed(self.records.records) if one.kind == kind), None)

    def instruction_envelope(self) -> bytes:
        """The instruction to which the run is pinned, as it was signed; not yet verified.

        Raises:
            EvidenceBroken: no record has it.
        """
        first = next((one for one in self.records.records if one.kind == "opened"), None)
        if first is None:
            missing = "the record that pins the run's instruction is missing."
            raise EvidenceBroken("the bundle", missing)
        try:
            return str(first.data["envelope"]).encode()
        except (KeyError, TypeError, ValueError):
            raise EvidenceBroken(f"record {first.seq}", "it holds no instruction.") from None

    def files(self) -> dict[str, bytes]:
        """The evidence as files."""
        head = canonical.dumps({"format": FORMAT, "run": self.run})
        growth = nodes_text(self.consistency).encode() + b"\n"
        found = {_HEAD: head, _CHECKPOINT: self.checkpoint, _GROWTH: growth}
        for name, proved in (("keys", self.keys), ("records", self.records)):
            bodies, proofs = _names(name)
            found[bodies] = _lines([record.body() for record in proved.records])
            found[proofs] = _lines([nodes_text(path).encode() for path in proved.paths])
        return found

    @classmethod
    def read(cls, files: Mapping[str, bytes]) -> Evidence:
        """The inverse of `files`; the others are not looked at.

        Raises:
            EvidenceBroken: a file is missing or not well formed.
        """
        try:
            head = canonical.loads(files[_HEAD])
            if set(head) != {"format", "run"} or head["format"] != FORMAT:
                raise ValueError
            keys, records = (_read(files, name) for name in ("keys", "records"))
            [growth] = _split(files[_GROWTH])
            nodes = parse_nodes(growth.decode("ascii"))
            found = cls(str(head["run"]), files[_CHECKPOINT], keys, records, nodes)
        except (ValueError, TypeError, KeyError):
            changed = "its evidence was changed: it is no longer well formed."
            raise EvidenceBroken("the bundle", changed) from None
        if not records.records:
            raise EvidenceBroken("the bundle", "it holds no record.")
        return found

    def rotations(self) -> list[tuple[int, object]]:
        """Place and data of each record of a rotated key, for `Succession.read`."""
        return [(one.seq, one.data) for one in self.keys.records if one.kind == "rotated"]

    def require_included(self, signed: Checkpoint) -> None:
        """Raise `EvidenceBroken` unless every record is in the log, and none before it is missing."""
        self.keys.require_included(KEYS, signed)
        self.records.require_included(self.run, signed)


def root_of(record: Record, size: int, path: Sequence[bytes]) -> str:
    """The root that the record's path leads to, in hex; empty when it leads nowhere."""
    if not 0 <= record.seq < size or len(path) > _LONGEST_PROOF:
        return ""
    root = root_from_proof(leaf_hash(record.body()), record.seq, size, path)
    return "" if root is None else root.hex()


def _names(name: str) -> tuple[str, str]:
    return f"evidence/{name}.jsonl", f"evidence/{name}.proofs"


def _lines(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _read(files: Mapping[str, bytes], name: str) -> Proved:
    bodies, proofs = (_split(files[one]) for one in _names(name))
    if len(bodies) != len(proofs):
        raise ValueError
    records = tuple(Record.parse(body, f"record {n} of {name}") for n, body in enumerate(bodies))
    return Proved(records, tuple(parse_nodes(text.decode("ascii")) for text in proofs))


def _split(data: bytes) -> list[bytes]:
    *lines, end = data.split(b"\n")
    if end:
        raise ValueError
    return lines
