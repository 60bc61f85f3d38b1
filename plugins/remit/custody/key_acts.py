"""What a person does about keys: the processor's own is rotated, any is revoked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from securesystemslib.signer import Signer

from remit import signing
from remit.custody.attempts import attempts_recorded
from remit.custody.deployment import Deployment
from remit.custody.key_roles import Known, known_instructions, roles_of
from remit.custody.keys import Revoked, RevokedKey, recorded_revocation, revoked_keys
from remit.custody.story import Story, stories
from remit.errors import Refused
from remit.evidence import EvidenceLog, Ledger, Record, of_kinds, succession, timestamp
from remit.instruction import parse
from remit.instruction.parties import Authorised
from remit.instruction.trust import payload_of, signers
from remit.people import Identity, as_record, require_person
from remit.succession import KEYS, endorse

_TELLING = ("opened", "obliged", "sealing", "stopped", "deleted")


def rotate(deployment: Deployment, following: Signer, by: str) -> Record:
    """Have another key follow ours, endorsed by both; from this record on it signs the log.

    Raises:
        Refused: rotation-runs-open; signing-key-rotated; signing-key-used, for one that came before.
    """
    log = deployment.log
    revoked = revoked_keys(log.ledger)

    def endorsed(size: int, at: str) -> dict[str, Any]:
        # Nobody else appends meanwhile, so no run begins between this look and the rotation.
        _require_unused(log, following, revoked)
        if signing.key_of(log.signer).key_id not in revoked:
            _require_sealed(log.ledger, following)
        envelope = endorse(log.ledger.name, size, log.signer, following, at)
        keys = {"old": str(signing.key_of(log.signer)), "new": str(signing.key_of(following))}
        return {**keys, "endorsement": envelope.decode()}

    return log.rotate(KEYS, endorsed, by, following)


def _require_unused(log: EvidenceLog, following: Signer, revoked: Revoked) -> None:
    """Refuse (signing-key-used) to go back to a key that signed before, or that is revoked."""
    new = signing.key_of(following)
    before = [signing.key_of(log.signer), *succession(log.ledger).keys]
    if new in before or new.key_id in revoked:
        raise Refused(
            "signing-key-used",
            f"signing key {new.key_id[:16]}…",
            "it signed this log before, or was revoked.",
            "make a new one: remit keys new signing OUT.",
        )


def _require_sealed(ledger: Ledger, following: Signer) -> None:
    """Refuse (rotation-runs-open) while a run is staged whose manifest only the old key may sign."""
    for story in _stories(ledger):
        sealed = any(story.has(kind) for kind in ("sealing", "stopped", "deleted"))
        if not story.has("obliged") or sealed:
            continue
        terms = parse(payload_of(story.instruction_envelope))
        if signing.key_of(following) not in terms.processor.signing_keys:
            raise Refused(
                "rotation-runs-open",
                f"run {story.run}",
                "it is being extracted under an instruction that names the old key alone, so its "
                "manifest could not be signed any more.",
                "let it be sealed first, or have the controller name the new key as next_signing_key; "
                "a key that is revoked is rotated at once (remit keys revoke).",
            )


def revoke(
    deployment: Deployment,
    key_id: str,
    reason: str,
    identity: Identity,
    since: datetime,
    by: str,
) -> bool:
    """Record that a key must not be used any more; False when that is no news.

    Args:
        identity: of somebody whom an instruction that the key has to do with lets revoke it.
        since: from when it may have been in wrong hands.

    Raises:
        Refused: key-unknown; those of `remit.people.require_person`.
    """
    ledger = deployment.log.ledger
    concerned = _concerned(deployment, key_id)
    with attempts_recorded(deployment, identity, f"revoke key {key_id[:16]}…"):
        person = _person(concerned, identity)
    known = revoked_keys(ledger).get(key_id)
    if known is not None and known.since <= since:
        return False
    one = RevokedKey(key_id, since, timestamp(deployment.clock()), person.name, reason)
    told = recorded_revocation(one) | {"identity": as_record(identity, person)}
    deployment.log.append(KEYS, "key-revoked", told, by, step=None)
    return True


def _person(concerned: list[Known], identity: Identity) -> Authorised:
    """Whom any of the instructions lets revoke; none of them may ask this person for a proof."""
    found: list[Authorised] = []
    refused: list[Refused] = []
    for known in concerned:
        try:
            found.append(require_person(known.terms, identity, "revoke"))
        except Refused as refusal:
            refused.append(refusal)
    for one in refused:
        if not found or one.code in ("person-not-proven", "person-account-shared"):
            raise one
    return found[-1]


def _concerned(deployment: Deployment, key_id: str) -> list[Known]:
    """The instructions that name the key, that it signed, or whose controller's trusted key it is."""
    instructions = known_instructions(deployment.log.ledger)
    roles = roles_of(key_id, instructions, signers_of_runs(deployment.log.ledger))
    found = [role.known for role in roles] or [
        known
        for known in instructions
        for name in known.entry.controllers
        if key_id in {key.key_id for key in deployment.trust.keys_for(name)}
    ]
    if not found:
        raise unknown_key(key_id)
    return found


def unknown_key(key_id: str) -> Refused:
    """The refusal of a key that nothing here has to do with."""
    return Refused(
        "key-unknown",
        f"key {key_id[:16]}…",
        "no instruction that was received names it or is signed with it, and no run used it.",
        "give the public key's line, its .pub file or the whole key id; remit record lists instructions.",
    )


def signers_of_runs(ledger: Ledger) -> dict[str, set[str]]:
    """Who signed a text when runs were opened under it, by its digest: it may be signed again."""
    found: dict[str, set[str]] = {}
    for record in of_kinds(ledger, "opened"):
        digest = record.data["instruction"]["digest"]
        found.setdefault(digest, set()).update(signers(record.data["envelope"].encode()))
    return found


def _stories(ledger: Ledger) -> list[Story]:
    return stories(kept.record() for kept in ledger.kept(kinds=_TELLING))
