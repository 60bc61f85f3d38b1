"""Counts that can point to a person, in words: of rows in a report, of texts that were looked through."""

from __future__ import annotations

Count = int | str
"""A number, or words for one that is not told."""


def fewer(count: int | None, small: int) -> Count | None:
    """The count, or "fewer than n" for one from 1 to n - 1."""
    return f"fewer than {small}" if count and count < small else count


def in_words(count: int, small: int) -> Count:
    """No number but 0: "fewer than n", or "n or more"."""
    return f"{small} or more" if count >= small else fewer(count, small) or 0


def is_small(count: int, small: int) -> bool:
    """Whether the count is not to be told, nor to be computed from what is."""
    return 0 < count < small
