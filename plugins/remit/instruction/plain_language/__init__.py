"""An instruction in plain language, on one page, as the controller's lawyer would read it.

Every sentence is there in English and in French. What the instruction itself says is quoted as it
is written. The page is for reading: it judges nothing, and only the signed text binds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from remit.errors import one_line
from remit.instruction.model import Instruction
from remit.instruction.plain_language import conditions, people
from remit.instruction.plain_language.signature import Signature, signed
from remit.instruction.plain_language.tables import tables
from remit.instruction.plain_language.voice import NO_BREAK, Language, Voice

__all__ = ["PARAGRAPHS", "Language", "Paragraph", "Signature", "page"]

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A part of the page: its heading in both languages, the articles it serves, its sentences."""

    en: str
    fr: str
    articles: str
    sentences: Callable[[Instruction, Voice], Iterator[str]]


PARAGRAPHS = (
    Paragraph(
        "Who instructs whom",
        "Qui donne instruction à qui",
        "28(3) 30(2)(a)",
        people.parties,
    ),
    Paragraph("What for", "Pour quoi", "28(3)", conditions.purpose),
    Paragraph("Whose data", "Personnes concernées", "28(3)", people.data_subjects),
    Paragraph("Which data", "Quelles données", "28(3)(a) 5(1)(c)", tables),
    Paragraph("Who receives them", "Destinataires", "28(3)(a) 30(2)(c)", people.recipients),
    Paragraph("Sub-processors", "Sous-traitants ultérieurs", "28(3)(d)", people.subprocessors),
    Paragraph(
        "How they are protected", "Mesures de sécurité", "28(3)(c) 32(1)", conditions.protection
    ),
    Paragraph("How long they are kept", "Durée de conservation", "28(3)(g)", conditions.retention),
    Paragraph(
        "Who is told, who audits, who may act",
        "Qui est averti, qui audite, qui peut agir",
        "28(3)(b) 28(3)(f) 28(3)(h) 33(2)",
        people.duties,
    ),
    Paragraph(
        "Rights of the data subjects",
        "Droits des personnes concernées",
        "28(3)(e)",
        people.rights,
    ),
    Paragraph(
        "Change, withdrawal, objection",
        "Modification, retrait, opposition",
        "28(3) 28(3)(a)",
        conditions.changes,
    ),
    Paragraph("Validity and signatures", "Validité et signatures", "28(3)", conditions.validity),
)


def page(terms: Instruction, signature: Signature, language: Language) -> str:
    """The whole page, in lines of at most 100 characters where words allow it.

    Args:
        signature: of what the text is, and what became of checking its signature.
    """
    say = Voice(language)
    lines = [*_title(terms, say), ""]
    for number, paragraph in enumerate(PARAGRAPHS, start=1):
        articles = say.articles(paragraph.articles.split())
        heading = f"{say(paragraph.en, paragraph.fr).upper()} ({articles})."
        lines += _lines([heading, *paragraph.sentences(terms, say)], f"{number:>2}. ")
    lines += ["", *_lines(signed(signature, say), "")]
    return "\n".join(one_line(line.replace(NO_BREAK, " ")) for line in lines)


def _title(terms: Instruction, say: Voice) -> Iterator[str]:
    yield say(
        "INSTRUCTION {id}, VERSION {version}, IN PLAIN LANGUAGE",
        "INSTRUCTION {id}, VERSION {version}, EN LANGAGE CLAIR",
        id=terms.id,
        version=str(terms.version),
    )
    yield say(
        "For reading only: the signed text alone binds. Articles are those of the GDPR.",
        "Pour lecture : seul le texte signé engage. Les articles cités sont ceux du RGPD.",
    )


def _lines(sentences: Iterable[str], head: str) -> list[str]:
    """Sentences run on; one that begins with a dash or ends with a colon is on a line of its own.

    Args:
        head: what the first line begins with; the others are indented by as much.
    """
    blocks: list[str] = []
    for sentence in sentences:
        listed = any(text.startswith("- ") for text in (sentence, *blocks[-1:]))
        if not blocks or listed or sentence.endswith(":"):
            blocks.append(sentence)
        else:
            blocks[-1] += f" {sentence}"
    margin = " " * len(head)
    lines = [line for block in blocks for line in _wrapped(block, margin)]
    return [head + lines[0].removeprefix(margin), *lines[1:]]


def _wrapped(block: str, margin: str) -> list[str]:
    return textwrap.wrap(
        block,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin + "  " * block.startswith("- "),
        break_on_hyphens=False,
    )
