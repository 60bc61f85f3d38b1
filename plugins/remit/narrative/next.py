"""What happens after what is recorded of a run."""

from __future__ import annotations

from collections.abc import Collection

from remit.instruction.plain_language.voice import Voice
from remit.narrative.words import step

_STEPS = (
    ("approved", "deliver"),
    ("asked", "approve"),
    ("sealed", "deliver"),
    ("validated", "seal"),
    ("extracted", "validate"),
    ("planned", "extract"),
    ("opened", "plan"),
)
"""What is done last, and the step that comes then; the last of them first."""


def next_step(kinds: Collection[str], say: Voice) -> str:
    """In a sentence, from the kinds of records that a run has."""
    if "deleted" in kinds:
        return say(
            "Nothing more: every copy is gone.", "Plus rien : toutes les copies ont disparu."
        )
    if "stopped" in kinds or "confirmed" in kinds:
        return say(
            "Next: the deletion DAG (or remit delete --due) deletes every copy when it is due.",
            "Ensuite : le DAG de suppression (ou remit delete --due) supprime toutes les copies à "
            "l'échéance.",
        )
    if "delivered" in kinds:
        return say(
            "Next: the target loads the delivery and confirms it.",
            "Ensuite : le destinataire intègre la livraison et la confirme.",
        )
    for done, name in _STEPS:
        if done in kinds:
            return say("Next: {step}.", "Ensuite : {step}.", step=step(name, say))
    return say(
        "Next: nothing; the run is not known.", "Ensuite : rien ; cette exécution est inconnue."
    )
