"""The bundle: one run's evidence in one file that verifies offline.

Guarantee: a bundle that `verify_bundle` accepts holds records of one run, numbered without a gap,
each of which is in the log that the processor signed a checkpoint of; and the instruction,
manifest, receipt and certificate in them are signed by whom they should be and agree.
Not guaranteed: that no record came after the last one here. Compare with a newer bundle, or see
whether the last record says that the run has ended. Nor that no later rotation or revocation of a key
was left out: who was in possession of a key that was rotated away can make up an older-looking log.
The reader needs the controller's public key alone: the instruction pins the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from remit import canonical, signing
from remit.confirm import verify_receipt
from remit.delete import PAYLOAD_TYPE as CERTIFICATE_TYPE
from remit.errors import EvidenceBroken, Refused, RemitError
from remit.evidence import Checkpoint, Ledger, Record, open_checkpoint, parse_timestamp
from remit.instruction import TrustStore, VerifiedInstruction, verify
from remit.manifest import open_manifest
from remit.merkle import inclusion_proof, leaf_hash, parse_nodes, proof_nodes, root_from_proof
from remit.succession import KEYS, Succession

FORMAT = "remit-bundle-1"
_FIELDS = {"format", "run", "checkpoint", "keys", "records"}


@dataclass(frozen=True, slots=True)
class Findings:
    """What a bundle proved, and what it could not, in sentences; and the records it holds."""

    run: str
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]
    records: tuple[Record, ...]


def make_bundle(ledger: Ledger, run: str) -> bytes:
    """Export a run.

    The inclusion proofs are put together from the tree's nodes that are kept with the records, and
    each is led to the newest checkpoint's root before it is given out.

    Raises:
        Refused: run-unknown, bundle-without-instruction.
        EvidenceBroken: a record, or a node of the tree, is not what the checkpoint covers.
    """
    envelope = ledger.checkpoint()
    kept = list(ledger.kept(run))
    if not kept or envelope is None:
        raise Refused(
            "run-unknown",
            f"run {run}",
            "the evidence has no run of this id.",
            "list the runs with remit evidence show.",
        )
    checkpoint = Checkpoint.unverified(envelope, "the newest checkpoint")
    records = [one.record() for one in kept if one.seq < checkpoint.size]  # or appended just now
    if not any(record.kind == "opened" for record in records):
        raise Refused(
            "bundle-without-instruction",
            f"run {run}",
            "it was refused before it had an instruction, from which a bundle's proofs start.",
            "look at it with remit evidence show, and verify the log with remit evidence verify --all.",
        )
    keys = [one.record() for one in ledger.kept(KEYS) if one.seq < checkpoint.size]
    return canonical.dumps(
        {
            "format": FORMAT,
            "run": run,
            "checkpoint": envelope.decode(),
            "keys": _proved(ledger, keys, checkpoint),
            "records": _proved(ledger, records, checkpoint),
        }
    )


def _proved(
    ledger: Ledger, records: Sequence[Record], checkpoint: Checkpoint
) -> list[dict[str, Any]]:
    paths = _paths(ledger, records, checkpoint)
    return [
        {"body": record.body().decode(), "proof": [node.hex() for node in path]}
        for record, path in zip(records, paths, strict=True)
    ]


def _paths(ledger: Ledger, records: Sequence[Record], checkpoint: Checkpoint) -> list[list[bytes]]:
    """The records' audit paths."""
    size = checkpoint.size
    asked = {n.last for r in records for step in proof_nodes(r.seq, size) for n in step}
    try:
        nodes = {last: parse_nodes(text) for last, text in ledger.nodes(asked).items()}
        paths = [inclusion_proof(record.seq, size, nodes) for record in records]
    except (LookupError, ValueError):
        raise EvidenceBroken("the log", "nodes of its tree were changed or are missing.") from None
    for record, path in zip(records, paths, strict=True):
        if _root(record, size, path) != checkpoint.root:
            changed = "it was changed after it was recorded, or the tree's nodes were."
            raise EvidenceBroken(f"record {record.seq}", changed)
    return paths


def verify_bundle(data: bytes, trust: TrustStore) -> Findings:
    """Check a bundle from the controller's key down.

    The order: form; the instruction's signature; the checkpoint's, with the processor's key that
    the instruction pins or one that follows it; each record's place and inclusion; the documents
    in the records.

    Raises:
        EvidenceBroken: naming what does not hold.
        Refused: controller-unknown, when the trust folder has no key to begin with.
    """
    run, checkpoint, (keys, key_proofs), (records, proofs) = _read(data)
    instruction = _instruction(records, trust)
    log = Checkpoint.unverified(checkpoint, "the bundle's checkpoint").log
    rotations = [(record.seq, record.data) for record in keys if record.kind == "rotated"]
    chain = Succession.read(log, rotations).after(instruction.processor_keys)
    signed = open_checkpoint(checkpoint, chain, "the bundle's checkpoint")
    _require_included(KEYS, keys, key_proofs, signed)
    _require_included(run, records, proofs, signed)
    proved = [
        f"controller {instruction.terms.controller.name} signed instruction "
        f"{instruction.terms.id} version {instruction.terms.version}",
        f"records 0 to {len(records) - 1} of the run are in the log of {signed.size} records "
        f"whose checkpoint of {signed.at} the processor signed",
    ]
    if chain.links[1:]:
        proved.append(
            f"its signing key was rotated {len(chain.links) - 1} times since, each time endorsed"
        )
    proved += _check_documents(records, instruction, chain)
    kinds = {record.kind for record in records}
    not_proved = [] if "deleted" in kinds else ["the run has not ended: deletion is not in here"]
    ways = [record.data["way"] for record in records if record.kind == "confirmed"]
    not_proved += [
        f"that the target said so: {way} is not signed" for way in ways if way != "receipt"
    ]
    not_proved.append("that no later rotation or revocation was left out")
    not_proved.append("that what the processor recorded is all that it did")
    return Findings(run, tuple(proved), tuple(not_proved), tuple(records))


def _require_included(
    run: str, records: Sequence[Record], proofs: Sequence[Sequence[bytes]], signed: Checkpoint
) -> None:
    for number, (record, proof) in enumerate(zip(records, proofs, strict=True)):
        where = f"record {record.seq}"
        if (record.run, record.step) != (run, number):
            raise EvidenceBroken(where, "records were dropped, added or reordered.")
        if _root(record, signed.size, proof) != signed.root:
            raise EvidenceBroken(where, "it is not in the log that the checkpoint signs.")


_Proved = tuple[list[Record], list[list[bytes]]]


def _read(data: bytes) -> tuple[str, bytes, _Proved, _Proved]:
    """The run, the checkpoint's envelope, and the records of keys and of the run with their proofs."""
    try:
        fields = canonical.loads(data)
        if set(fields) != _FIELDS or fields["format"] != FORMAT:
            raise ValueError
        keys, records = (_entries(fields[name]) for name in ("keys", "records"))
        run, checkpoint = str(fields["run"]), str(fields["checkpoint"]).encode()
    except (ValueError, TypeError, KeyError):
        raise EvidenceBroken("the bundle", "it was changed: it is no longer well formed.") from None
    if not records[0]:
        raise EvidenceBroken("the bundle", "it holds no record.")
    return run, checkpoint, keys, records


def _entries(entries: Any) -> _Proved:
    if any(set(entry) != {"body", "proof"} for entry in entries):
        raise ValueError
    proofs = [[_node(node) for node in entry["proof"]] for entry in entries]
    bodies = [str(entry["body"]).encode() for entry in entries]
    return [Record.parse(body, f"record {n}") for n, body in enumerate(bodies)], proofs


def _node(text: str) -> bytes:
    node = bytes.fromhex(text)
    if node.hex() != text:
        raise ValueError  # hex has two spellings; one is ours
    return node


def _root(record: Record, size: int, proof: Sequence[bytes]) -> str:
    if not 0 <= record.seq < size or len(proof) > 64:
        return ""
    root = root_from_proof(leaf_hash(record.body()), record.seq, size, proof)
    return "" if root is None else root.hex()


def _instruction(records: Sequence[Record], trust: TrustStore) -> VerifiedInstruction:
    opened = [record for record in records if record.kind == "opened"]
    if not opened:
        raise EvidenceBroken("the bundle", "the record that pins the run's instruction is missing.")
    first = opened[0]
    try:
        return verify(str(first.data["envelope"]).encode(), trust, now=None)
    except Refused as refusal:
        if refusal.code in ("controller-unknown", "signer-not-trusted"):
            raise
        raise EvidenceBroken("the instruction", refusal.message) from None
    except (KeyError, TypeError):
        raise EvidenceBroken(f"record {first.seq}", "it holds no instruction.") from None


def _check_documents(
    records: Sequence[Record], instruction: VerifiedInstruction, chain: Succession
) -> list[str]:
    data = {record.kind: (record, record.data) for record in records}
    proved = []
    try:
        if "sealing" in data:
            record, fields = data["sealing"]
            envelope = fields["manifest"].encode()
            manifest = open_manifest(envelope, instruction)
            proved.append(f"the manifest of {manifest.rows} rows is the processor's")
            if "confirmed" in data and data["confirmed"][1]["way"] == "receipt":
                record, fields = data["confirmed"]
                receipt = fields["receipt"].encode()
                digest, at = canonical.sha256(envelope), parse_timestamp(record.at)
                verify_receipt(receipt, instruction, manifest, digest, at)
                proved.append("the target's receipt confirms that delivery and proves decryption")
        if "deleted" in data:
            record, fields = data["deleted"]
            _check_certificate(fields["certificate"].encode(), record, instruction, chain)
            proved.append("the processor certified, signed, that every copy is deleted")
    except (RemitError, KeyError, TypeError, AttributeError, ValueError) as error:
        message = error.message if isinstance(error, Refused) else "its document is damaged."
        raise EvidenceBroken(f"record {record.seq}", message) from None
    return proved


def _check_certificate(
    envelope: bytes, record: Record, instruction: VerifiedInstruction, chain: Succession
) -> None:
    keys = chain.in_force(record.seq)
    payload = signing.open_envelope(envelope, CERTIFICATE_TYPE, keys, "the deletion certificate")
    body: Any = canonical.loads(payload)
    if (body["run"], body["instruction"]) != (record.run, instruction.digest):
        raise EvidenceBroken(f"record {record.seq}", "the certificate is another run's.")
