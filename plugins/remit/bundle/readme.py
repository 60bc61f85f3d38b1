"""The README of a bundle, made for its run. Its text belongs to the form: another text is another form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files as package_files

from remit.bundle.documents import Document
from remit.bundle.files import Evidence
from remit.errors import one_line
from remit.evidence import Checkpoint
from remit.instruction import Instruction
from remit.instruction.trust import signers

NAME = "README.md"


def readme(
    evidence: Evidence,
    terms: Instruction,
    digest: str,
    documents: Sequence[Document],
    statements: int,
) -> bytes:
    """The text, in Markdown.

    Args:
        statements: how many there are.
    """
    records = evidence.records.records
    opened = next(record for record in records if record.kind == "opened")
    signed = Checkpoint.unverified(evidence.checkpoint, "the bundle's checkpoint")
    text = _template().format(
        run=_code(evidence.run),
        id=terms.id,
        version=terms.version,
        digest=digest,
        controllers=", ".join(f"`{controller.name}`" for controller in terms.controllers),
        signed_by=", ".join(
            f"`{_code(key)}`" for key in sorted(signers(evidence.instruction_envelope()))
        ),
        records=len(records),
        first=_code(records[0].at),
        last=_code(records[-1].at),
        log=_code(str(signed.log)),
        size=signed.size,
        at=_code(str(signed.at)),
        root=_code(str(signed.root)),
        statements=f"{statements}, one for each step that was done"
        if statements
        else "none: this file was made without the processor's signing key",
        kinds="\n".join(_kinds(evidence)),
        documents="\n".join(f"| `{one.name}` | {one.what} |" for one in documents),
        opened=f"{opened.step:05}-opened",
    )
    return text.encode()


@cache
def _template() -> str:
    return package_files("remit.bundle").joinpath("readme.md").read_text("utf-8")


def _kinds(evidence: Evidence) -> Iterable[str]:
    found: dict[str, list[str]] = {}
    for record in evidence.records.records:
        found.setdefault(record.kind, []).append(record.at)
    for kind, times in found.items():
        yield f"| `{_code(kind)}` | {len(times)} | {_code(times[0])} | {_code(times[-1])} |"


def _code(text: str) -> str:
    """Text of others, that can end neither its place in a table nor its line."""
    return one_line(text).translate(str.maketrans("`|<>&", "?????"))
