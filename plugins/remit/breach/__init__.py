"""A draft of the notice of a personal data breach (Art. 33 GDPR), made of the evidence.

Guarantee: what the evidence has of the runs concerned is in the draft, and nothing else is stated; what
the evidence cannot know is marked as a place for a person to complete, and listed. It holds names of
tables and columns, categories, counts and times; never a value of a data subject.
Not guaranteed: that there was a breach, or that it was no wider: copies that others took are not in
the evidence. Each controller has a notice of its own, for it is told of its own data alone.
"""

from remit.breach.drafting import draft_of_alert, draft_of_key, draft_of_runs
from remit.breach.notice import Notice
from remit.breach.telling import markdown

__all__ = ["Notice", "draft_of_alert", "draft_of_key", "draft_of_runs", "markdown"]
