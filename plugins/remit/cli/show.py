"""Stories as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from remit.custody import Story, suspension
from remit.narrative import tell, title, what_next
from remit.narrative.summary import summary
from remit.plan.words import voice_of


def story_fields(story: Story, now: datetime, language: str = "en") -> dict[str, Any]:
    """The run's story for machines, its sentences in the language asked for."""
    return {
        "run": story.run,
        "language": language,
        "summary": summary(story.records, story.obligation(), now, language),
        "suspension": suspension(story, now, language),
        "next": what_next(story.records, language),
        "records": [
            {
                "seq": r.seq,
                "at": r.at,
                "by": r.by,
                "kind": r.kind,
                "title": title(r, language),
                "text": tell(r, language),
            }
            for r in story.records
        ],
    }


def story_text(fields: dict[str, Any]) -> str:
    """What `story_fields` gives, as sentences."""
    return "\n".join(_lines(fields))


def _lines(fields: dict[str, Any]) -> Iterator[str]:
    say = voice_of(fields["language"])
    yield say("Run {run}", "Exécution {run}", run=fields["run"])
    yield fields["summary"]
    for record in fields["records"]:
        by = say("by {who}", "par {who}", who=record["by"])
        yield f"{record['at']}  {record['title']} ({by})"
        yield from (f"    {sentence}" for sentence in record["text"])
    yield from fields["suspension"]
    yield fields["next"]
