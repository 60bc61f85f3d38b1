"""Whether the text is signed, as a sentence: a page shows also what no run would accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.instruction.plain_language.voice import Voice


@dataclass(frozen=True, slots=True)
class Signature:
    """What became of checking an instruction's signature.

    Args:
        digest: of the text.
        refusal: the code of the rule that it broke; None when it verifies.
    """

    digest: str
    refusal: str | None = None


def signed(signature: Signature, say: Voice) -> Iterator[str]:
    """The text's digest, and whether it binds."""
    yield say(
        "Digest of the text: {digest}", "Empreinte du texte : {digest}", digest=signature.digest
    )
    yield "- " + _verdict(signature.refusal, say)


def _verdict(refusal: str | None, say: Voice) -> str:
    match refusal:
        case None:
            return say(
                "SIGNED: the signature beside it verifies with the trusted keys, and by its dates it "
                "is valid now.",
                "SIGNÉE : la signature jointe est vérifiée avec les clés de confiance et, d'après ses "
                "dates, elle est valable à ce jour.",
            )
        case "instruction-unsigned":
            return say(
                "NOT SIGNED: there is no signature beside it.",
                "NON SIGNÉE : aucune signature n'est jointe.",
            )
        case "instruction-changed":
            return say(
                "NOT SIGNED: the signature beside it is of another text.",
                "NON SIGNÉE : la signature jointe est celle d'un autre texte.",
            )
        case "instruction-expired":
            return say(
                "SIGNED, but no longer valid.",
                "SIGNÉE, mais elle n'est plus valable.",
            )
        case "instruction-not-yet-valid":
            return say(
                "SIGNED, but not valid yet.",
                "SIGNÉE, mais elle n'est pas encore valable.",
            )
        case "instruction-revoked":
            return say(
                "REVOKED: its controller has withdrawn it.",
                "RÉVOQUÉE : le responsable du traitement l'a retirée.",
            )
        case "controller-unknown":
            return say(
                "NOT VERIFIED: the trust folder holds no key of a controller that it names.",
                "NON VÉRIFIÉE : le dossier de confiance ne contient aucune clé d'un responsable "
                "qu'elle nomme.",
            )
        case "signature-missing":
            return say(
                "NOT SIGNED BY ALL: signatures that it needs are missing.",
                "SIGNÉE EN PARTIE : il manque des signatures requises.",
            )
        case _:
            return say(
                "NOT VERIFIED: the signature beside it does not verify (rule {rule}).",
                "NON VÉRIFIÉE : la signature jointe n'est pas valide (règle {rule}).",
                rule=refusal,
            )
