"""Text for Markdown that cannot end its place, nor make markup or a link."""

from __future__ import annotations

import re

from remit.errors import one_line


def plain(text: str) -> str:
    """The text as it is, whatever is in it."""
    said = one_line(str(text))
    for mark in "\\`*_[]<>|#~$&":
        said = said.replace(mark, f"\\{mark}")
    return re.sub(r"(?i)(www)\.", r"\1\\.", said.replace("://", ":\\//"))
