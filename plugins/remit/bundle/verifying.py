"""Checking a bundle from the controller's key down, and telling how each claim follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.bundle import archive, statements
from remit.bundle.contents import contents
from remit.bundle.files import Evidence
from remit.bundle.findings import Finding, Findings
from remit.bundle.growth import check_growth
from remit.bundle.papers import check_papers
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, open_checkpoint
from remit.instruction import TrustStore, VerifiedInstruction, verify
from remit.instruction.trust import signers
from remit.signing import PublicKey
from remit.succession import Succession

_WHERE = "the bundle's checkpoint"
_TRUST = ("controller-unknown", "signer-not-trusted", "signature-missing")


def verify_bundle(data: bytes, trust: TrustStore, earlier: Sequence[bytes] = ()) -> Findings:
    """Check a bundle.

    The order: the file's form; the instruction's signature; the checkpoint's, with the processor's key
    that the instruction pins or one that follows it; each record's place and inclusion; the
    signed documents in the records; the statements; every other byte.

    Args:
        earlier: envelopes of checkpoints that were kept elsewhere, which the log must not contradict.

    Raises:
        EvidenceBroken: naming what does not hold.
        Refused: controller-unknown, signer-not-trusted or signature-missing, when the trusted keys are
            not those to begin with.
    """
    files = archive.unpack(data)
    evidence = Evidence.read(files)
    instruction = _instruction(evidence, trust)
    log = Checkpoint.unverified(evidence.checkpoint, _WHERE).log
    chain = Succession.read(log, evidence.rotations()).after(instruction.processor_keys)
    signed = open_checkpoint(evidence.checkpoint, chain, _WHERE)
    evidence.require_included(signed)
    proved = [*_beginning(evidence, instruction, chain, signed)]
    papers, not_proved = check_papers(evidence, instruction, chain)
    then, grown = check_growth(evidence, instruction, chain, signed)
    proved += [*papers, *grown]
    count = _check_statements(files, evidence, instruction, chain.in_force(signed.size))
    _require_contents(
        files, contents(evidence, instruction.terms, instruction.digest, chain, count)
    )
    proved += _rest(count)
    compared, incomparable = _compared(earlier, chain, signed, then)
    proved += compared
    not_proved += incomparable
    not_proved += _open_questions(evidence, count)
    return Findings(evidence.run, tuple(proved), tuple(not_proved), evidence.records.records)


def _instruction(evidence: Evidence, trust: TrustStore) -> VerifiedInstruction:
    envelope = evidence.instruction_envelope()
    try:
        return verify(envelope, trust, now=None)
    except Refused as refusal:
        if refusal.code in _TRUST:
            raise
        raise EvidenceBroken("the instruction", refusal.message) from None


def _beginning(
    evidence: Evidence, instruction: VerifiedInstruction, chain: Succession, signed: Checkpoint
) -> Iterator[Finding]:
    terms, keys = instruction.terms, sorted(signers(instruction.envelope))
    parties = " and ".join(controller.name for controller in terms.controllers)
    yield Finding(
        f"controller {parties} signed instruction {terms.id} version {terms.version}",
        f"its text, {instruction.digest}, is signed with {', '.join(f'{k[:16]}…' for k in keys)}, "
        "which you trust",
    )
    first = chain.keys[0].key_id[:16]
    yield Finding(
        f"records 0 to {len(evidence.records.records) - 1} of the run are in the log of "
        f"{signed.size} records whose checkpoint of {signed.at} the processor signed",
        f"the instruction names the processor's key {first}…; that key"
        f"{', or what follows it,' if chain.links[1:] else ''} signed the root {signed.root[:16]}…, "
        "to which each record leads with its inclusion proof; their numbers have no gap",
    )
    if (rotations := len(chain.links) - 1) > 0:
        times = "once" if rotations == 1 else f"{rotations} times"
        yield Finding(
            f"its signing key was rotated {times} since, each time endorsed",
            "each endorsement is signed with both keys, for this log and its size then",
        )


def _check_statements(
    files: Mapping[str, bytes],
    evidence: Evidence,
    instruction: VerifiedInstruction,
    keys: Sequence[PublicKey],
) -> int:
    envelopes = {n: data for n, data in files.items() if n.startswith(statements.FOLDER)}
    if not envelopes:
        return 0
    unsigned = statements.payloads(evidence, instruction.terms, instruction.digest)
    try:
        statements.require_signed(envelopes, unsigned, keys)
    except Refused as refusal:
        raise EvidenceBroken(refusal.where, refusal.message) from None
    return len(envelopes)


def _require_contents(files: Mapping[str, bytes], expected: Mapping[str, bytes]) -> None:
    given = {name for name in files if not name.startswith(statements.FOLDER)}
    for what, names in (
        ("it is missing.", expected.keys() - given),
        ("the bundle of these records has no such file.", given - expected.keys()),
        (
            "it says something else than the records.",
            {name for name in given & expected.keys() if files[name] != expected[name]},
        ),
    ):
        if names:
            raise EvidenceBroken(sorted(names)[0], what)


def _rest(count: int) -> Iterator[Finding]:
    if count:
        yield Finding(
            f"the {count} in-toto statements say what the records say",
            "each was made anew from the records and compared; the processor's key in force signed it",
        )
    yield Finding(
        "nothing else in the file says otherwise",
        "every other byte of it was made anew from the records and compared",
    )


def _compared(
    earlier: Sequence[bytes], chain: Succession, signed: Checkpoint, then: Checkpoint | None
) -> tuple[list[Finding], list[Finding]]:
    """Hold the log to the checkpoints that the reader brought.

    Args:
        then: the one that the manifest carries, to which the log leads.
    """
    proved, not_proved = [], []
    for number, envelope in enumerate(earlier, 1):
        where = f"checkpoint {number} to compare with"
        kept = open_checkpoint(envelope, chain, where)
        if kept.log != signed.log:
            raise EvidenceBroken(where, "it is another log's.")
        alike = [one for one in (signed, then) if one is not None and one.size == kept.size]
        if any(one.root != kept.root for one in alike):
            raise EvidenceBroken(where, "the log was rewritten: the same size has another root.")
        if alike:
            claim = f"the log is the one of your checkpoint of {kept.at}"
            proved.append(
                Finding(claim, f"the first {kept.size} records have the same root in both")
            )
        else:
            claim = (
                f"that the log is the one of your checkpoint of {kept.at}, of {kept.size} records"
            )
            why = (
                f"the bundle has proofs for {signed.size} records and for those that the manifest's "
                "checkpoint covers; the processor can show it (remit evidence verify --all --checkpoint)"
            )
            not_proved.append(Finding(claim, why))
    return proved, not_proved


def _open_questions(evidence: Evidence, count: int) -> Iterator[Finding]:
    if evidence.last("deleted") is None:
        yield Finding(
            "the run has not ended: deletion is not in here",
            "the bundle was made before its copies were deleted; ask for a newer one",
        )
    if not count:
        yield Finding(
            "what in-toto statements would say in that form",
            "there are none: the file was made without the processor's key; the records have all of it",
        )
    yield Finding(
        "that no later rotation or revocation was left out",
        "a bundle has what was recorded up to its checkpoint; compare with a newer one",
    )
    yield Finding(
        "that what the processor recorded is all that it did",
        "records are the processor's word, which it can no longer change but could have withheld",
    )
