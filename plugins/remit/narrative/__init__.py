"""A run's story in plain sentences, in English and in French: the CLI, task logs and pages use these.

Every sentence is made of what the evidence holds: names, counts, digests, times. Times are UTC and
say so. What was recorded as a text in English, such as why a rule refused, is told in French with
the rule's French name, and quoted as what it is. What people wrote is quoted as they wrote it.

A new kind of record needs an entry in `remit.narrative.kinds`, and a teller that says each sentence
in both languages. `remit.narrative.summary` has a run in a paragraph, `remit.narrative.timeline`
its events and phases for a picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from remit.errors import one_line
from remit.evidence import Record
from remit.instruction.plain_language import Language
from remit.narrative.kinds import KINDS, Severity
from remit.narrative.next import next_step
from remit.narrative.words import is_warning
from remit.plan.words import voice_of

__all__ = ["KINDS", "Language", "Severity", "severity", "tell", "title", "warns", "what_next"]


def title(record: Record, language: str = "en") -> str:
    """The record's kind as a heading."""
    kind = KINDS.get(record.kind)
    return voice_of(language).pick(kind.en, kind.fr) if kind else one_line(record.kind)


def tell(record: Record, language: str = "en") -> list[str]:
    """What the record says, one sentence a line.

    Args:
        language: one of `Language`.
    """
    say, kind = voice_of(language), KINDS.get(record.kind)
    if kind is None:
        words = "(no words for this kind of record)", "(aucun mot pour ce type d'enregistrement)"
        return [say.pick(*words)]
    return [one_line(sentence) for sentence in kind.tell(record.data, say)]


def warns(sentence: str, language: str = "en") -> bool:
    """Whether a sentence of `tell` is of what did not stop the run, but should be looked at."""
    return is_warning(sentence, voice_of(language))


def severity(record: Record) -> Severity:
    """How grave it is; nothing is known of a kind that is not told here, so it is a warning."""
    kind = KINDS.get(record.kind)
    if kind is None:
        return "warning"
    return "warning" if kind.may_warn and any(map(warns, tell(record))) else kind.severity


def what_next(records: Sequence[Record], language: str = "en") -> str:
    """What happens after the last record."""
    return next_step({record.kind for record in records}, voice_of(language))
