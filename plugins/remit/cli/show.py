"""Stories as text for people."""

from __future__ import annotations

from remit.custody import Story, suspension
from remit.narrative import tell, title, what_next
from remit.wiring import clock


def story_text(story: Story) -> str:
    """The run's records as sentences."""
    lines = [f"Run {story.run}"]
    for record in story.records:
        lines.append(f"{record.at}  {title(record)} (by {record.by})")
        lines += [f"    {sentence}" for sentence in tell(record)]
    return "\n".join([*lines, *suspension(story, clock()), what_next(story.records)])
