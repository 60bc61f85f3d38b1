"""Bundles that somebody changed, in one part or coherently in every part."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from remit import canonical
from remit.bundle import archive, statements
from remit.bundle.contents import contents
from remit.bundle.files import Evidence
from remit.evidence import Checkpoint
from remit.instruction import digest_of, parse
from remit.instruction.trust import payload_of
from remit.succession import Succession

Edit = Callable[[dict[str, Any]], object]


def with_evidence(bundle: bytes, edit: Edit) -> bytes:
    """Edit head, checkpoint and the entries (body and proof) of keys and records; nothing else."""
    files = archive.unpack(bundle)
    fields = {
        "head": json.loads(files["evidence/bundle.json"]),
        "checkpoint": files["evidence/checkpoint.dsse.json"].decode(),
    }
    for name in ("keys", "records"):
        bodies, proofs = (
            files[f"evidence/{name}.{end}"].decode().split("\n")[:-1] for end in ("jsonl", "proofs")
        )
        fields[name] = [
            {"body": body, "proof": proof.split(" ") if proof else []}
            for body, proof in zip(bodies, proofs, strict=True)
        ]
    edit(fields)
    files["evidence/bundle.json"] = canonical.dumps(fields["head"])
    files["evidence/checkpoint.dsse.json"] = fields["checkpoint"].encode()
    for name in ("keys", "records"):
        entries = fields[name]
        files[f"evidence/{name}.jsonl"] = "".join(f"{e['body']}\n" for e in entries).encode()
        proofs = "".join(f"{' '.join(e['proof'])}\n" for e in entries)
        files[f"evidence/{name}.proofs"] = proofs.encode()
    return archive.pack(files)


def with_files(bundle: bytes, edit: Edit) -> bytes:
    """Edit the files by name."""
    files: dict[str, Any] = archive.unpack(bundle)
    edit(files)
    return archive.pack(files)


def made_anew(bundle: bytes, edit: Edit) -> bytes:
    """Edit the evidence, and let everything that needs no key follow from it."""
    files = archive.unpack(with_evidence(bundle, edit))
    evidence = Evidence.read(files)
    text = payload_of(evidence.instruction_envelope())
    terms, digest = parse(text), digest_of(text)
    log = Checkpoint.unverified(evidence.checkpoint, "it").log
    chain = Succession.read(log, evidence.rotations()).after(terms.processor.signing_keys)
    kept = {n: files[n] for n in statements.payloads(evidence, terms, digest) if n in files}
    return archive.pack(contents(evidence, terms, digest, chain, len(kept)) | kept)
