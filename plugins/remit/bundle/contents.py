"""Everything in a bundle but the statements' signatures, as it follows from the evidence."""

from __future__ import annotations

from functools import cache
from importlib.resources import files as package_files

from remit.bundle import readme
from remit.bundle.documents import documents
from remit.bundle.files import Evidence
from remit.bundle.keys import key_files
from remit.instruction import Instruction
from remit.succession import Succession

CHECKER = "check.py"


def contents(
    evidence: Evidence, terms: Instruction, digest: str, chain: Succession, statements: int
) -> dict[str, bytes]:
    """The files, by name.

    Args:
        terms, digest: the run's instruction.
        chain: the processor's keys, from the one that the instruction names.
        statements: how many in-toto statements there are; none without the processor's key.

    Raises:
        EvidenceBroken: they cannot be made of these records.
    """
    shown = documents(evidence)
    return {
        **evidence.files(),
        **{document.name: document.data for document in shown},
        **key_files(terms, evidence.instruction_envelope(), chain),
        CHECKER: checker(),
        readme.NAME: readme.readme(evidence, terms, digest, shown, statements),
    }


@cache
def checker() -> bytes:
    """The program that checks a bundle without remit."""
    return package_files("remit.bundle").joinpath(CHECKER).read_bytes()
