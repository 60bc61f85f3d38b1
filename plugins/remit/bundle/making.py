"""Making a bundle from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from securesystemslib.signer import Signer

from remit import signing
from remit.bundle import archive, statements
from remit.bundle.contents import contents
from remit.bundle.files import Evidence, Proved, root_of
from remit.bundle.growth import carried
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, Ledger, Record
from remit.instruction import digest_of, parse
from remit.instruction.trust import payload_of
from remit.merkle import (
    Node,
    consistency_nodes,
    consistency_proof,
    inclusion_proof,
    parse_nodes,
    proof_nodes,
)
from remit.signing import PublicKey
from remit.succession import KEYS, Succession


def make_bundle(ledger: Ledger, run: str, *, signer: Signer | None) -> bytes:
    """Export a run.

    The inclusion proofs are put together from the tree's nodes that are kept with the records, and
    each is led to the newest checkpoint's root before it is given out. The same log gives the same bytes.

    Args:
        signer: the processor's, for the in-toto statements; None, where it is not at hand, leaves
            these out, and a verification says so. Nothing else depends on it.

    Raises:
        Refused: run-unknown, bundle-without-instruction, statement-key-differs.
        EvidenceBroken: a record, or a node of the tree, is not what the checkpoint covers; or the
            instruction names no key from which the log's keys follow.
    """
    evidence = gather(ledger, run)
    envelope = evidence.instruction_envelope()
    text = payload_of(envelope)
    terms, digest = parse(text), digest_of(text)
    checkpoint = Checkpoint.unverified(evidence.checkpoint, "the newest checkpoint")
    chain = Succession.read(checkpoint.log, evidence.rotations())
    chain = chain.after(terms.processor.signing_keys)
    signed = {}
    if signer is not None:
        _require_in_force(signer, chain.in_force(checkpoint.size))
        signed = statements.sign(statements.payloads(evidence, terms, digest), signer)
    return archive.pack(contents(evidence, terms, digest, chain, len(signed)) | signed)


def gather(ledger: Ledger, run: str) -> Evidence:
    """The run's evidence from the ledger, with proofs; raises as `make_bundle`."""
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
    proved_keys, proved = (_proved(ledger, of, checkpoint) for of in (keys, records))
    evidence = Evidence(run, envelope, proved_keys, proved)
    return replace(evidence, consistency=_growth(ledger, evidence, checkpoint.size))


def _growth(ledger: Ledger, evidence: Evidence, size: int) -> tuple[bytes, ...]:
    """The consistency proof from the manifest's checkpoint to the size; none where there is none."""
    then = carried(evidence)
    if then is None or type(then.size) is not int or not 0 < then.size <= size:
        return ()
    nodes = _nodes(ledger, consistency_nodes(then.size, size))
    return tuple(consistency_proof(then.size, size, nodes))


def _require_in_force(signer: Signer, keys: Sequence[PublicKey]) -> None:
    if signing.key_of(signer) not in keys:
        raise Refused(
            "statement-key-differs",
            "REMIT_SIGNING_KEY",
            "it is not the key that the log goes on under, whose statements a verification asks for.",
            "set the key in force, or export with --without-statements.",
        )


def _proved(ledger: Ledger, records: Sequence[Record], checkpoint: Checkpoint) -> Proved:
    size = checkpoint.size
    nodes = _nodes(ledger, [step for record in records for step in proof_nodes(record.seq, size)])
    paths = [tuple(inclusion_proof(record.seq, size, nodes)) for record in records]
    for record, path in zip(records, paths, strict=True):
        if root_of(record, size, path) != checkpoint.root:
            changed = "it was changed after it was recorded, or the tree's nodes were."
            raise EvidenceBroken(f"record {record.seq}", changed)
    return Proved(tuple(records), tuple(paths))


def _nodes(ledger: Ledger, steps: Sequence[Sequence[Node]]) -> Mapping[int, Sequence[bytes]]:
    """For each leaf that is asked for, the nodes that it completes.

    Raises:
        EvidenceBroken: one of those asked for is not there.
    """
    asked = [node for step in steps for node in step]
    try:
        kept = ledger.nodes({node.last for node in asked})
        nodes = {last: parse_nodes(text) for last, text in kept.items()}
        missing = any(len(nodes[node.last]) <= node.height for node in asked)
    except (LookupError, ValueError):
        missing = True
    if missing:
        raise EvidenceBroken("the log", "nodes of its tree were changed or are missing.")
    return nodes
