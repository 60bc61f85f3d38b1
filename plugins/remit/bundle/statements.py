"""What each step did, as in-toto Statements (Attestation Framework v1), for tools that read these.

Guarantee: a statement says what the run's records say, and names each by its digest; a verifier makes it
anew from the records and compares every byte before it looks at the signature.
Not guaranteed: anything beyond the records. It is signed when the bundle is made, by the key that was
in force then, and shows no time of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.bundle.files import Evidence
from remit.errors import EvidenceBroken
from remit.evidence import Record
from remit.instruction import Instruction
from remit.signing import PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:remit:step:1"
FOLDER = "statements/"

Subjects = list[tuple[str, str]]
"""Name and digest (``sha256:`` and hex) of each thing that a step brought forth."""


def payloads(evidence: Evidence, terms: Instruction, digest: str) -> dict[str, bytes]:
    """The statements of the steps that were done, by their names in the bundle, unsigned.

    Args:
        terms, digest: the run's instruction.

    Raises:
        EvidenceBroken: a record lacks what its statement would say.
    """
    source = {
        "name": f"instruction {terms.id} version {terms.version}",
        "digest": _sha256(digest),
        "mediaType": "application/vnd.remit.instruction+yaml",
    }
    found = {}
    for number, (step, (kinds, subjects)) in enumerate(_STEPS.items(), 1):
        records = {kind: evidence.last(kind) for kind in kinds}
        if not all(records.values()):
            continue
        done = [record for record in records.values() if record is not None]
        found[f"{FOLDER}{number}-{step}.dsse.json"] = canonical.dumps(
            {
                "_type": STATEMENT_TYPE,
                "subject": [_subject(*one) for one in _subjects(evidence, done, subjects)],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "run": evidence.run,
                    "step": step,
                    "records": [_reference(record) for record in done],
                    "resolvedDependencies": [source],
                },
            }
        )
    return found


def sign(unsigned: Mapping[str, bytes], signer: Signer) -> dict[str, bytes]:
    """The statements in their envelopes."""
    return {name: signing.sign(data, PAYLOAD_TYPE, signer) for name, data in unsigned.items()}


def require_signed(
    envelopes: Mapping[str, bytes], unsigned: Mapping[str, bytes], keys: Sequence[PublicKey]
) -> None:
    """Raise `EvidenceBroken` or `Refused` unless these are the statements, each signed by the key."""
    if envelopes.keys() != unsigned.keys():
        differing = sorted(envelopes.keys() ^ unsigned.keys())[0]
        raise EvidenceBroken(differing, "statements are missing, or of steps that were not done.")
    for name, envelope in envelopes.items():
        if signing.open_envelope(envelope, PAYLOAD_TYPE, keys, name) != unsigned[name]:
            raise EvidenceBroken(name, "the statement says something else than the records.")


def _subjects(
    evidence: Evidence, records: Sequence[Record], of: Callable[[Evidence, Any], Iterator[Any]]
) -> Subjects:
    try:
        return list(of(evidence, {r.kind: r.data for r in records}))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise EvidenceBroken(f"record {records[-1].seq}", "its content is damaged.") from None


def _plan(_: Evidence, data: Any) -> Iterator[tuple[str, str]]:
    yield "plan.json", canonical.sha256(canonical.dumps(data["planned"]["plan"]))


def _files(evidence: Evidence, _: Any) -> Iterator[tuple[str, str]]:
    extracted = evidence.last("extracted")
    for file in extracted.data["files"] if extracted else ():
        yield str(file["name"]), str(file["sha256"])


def _manifest(evidence: Evidence, _: Any) -> Iterator[tuple[str, str]]:
    sealing = evidence.last("sealing")
    if sealing is not None:
        yield "manifest.dsse.json", canonical.sha256(sealing.data["manifest"].encode())


def _delivered(evidence: Evidence, data: Any) -> Iterator[tuple[str, str]]:
    yield from _manifest(evidence, data)
    yield from _files(evidence, data)


def _confirmed(evidence: Evidence, data: Any) -> Iterator[tuple[str, str]]:
    yield from _manifest(evidence, data)
    if "receipt" in data["confirmed"]:
        yield "receipt.dsse.json", canonical.sha256(data["confirmed"]["receipt"].encode())


def _deleted(_: Evidence, data: Any) -> Iterator[tuple[str, str]]:
    yield "certificate.dsse.json", canonical.sha256(data["deleted"]["certificate"].encode())


# The flow's steps: the records that show each done, and what came out.
_STEPS: dict[str, tuple[tuple[str, ...], Callable[[Evidence, Any], Iterator[Any]]]] = {
    "plan": (("planned",), _plan),
    "extract": (("extracted",), _files),
    "validate": (("validated",), _files),
    "seal": (("sealing", "sealed"), _manifest),
    "deliver": (("delivered",), _delivered),
    "confirm": (("confirmed",), _confirmed),
    "delete": (("deleted",), _deleted),
}


def _subject(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": _sha256(digest)}


def _reference(record: Record) -> dict[str, Any]:
    body = canonical.sha256(record.body())
    place = {"seq": record.seq, "step": record.step, "kind": record.kind}
    return {**place, "at": record.at, "by": record.by, "digest": _sha256(body)}


def _sha256(digest: str) -> dict[str, str]:
    return {"sha256": digest.removeprefix("sha256:")}
