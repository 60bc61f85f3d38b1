"""A dump in files as a source: CSV or fixed width, as the instruction's `dump` declares them.

Guaranteed: only the columns needed are taken from the parser, and of rows outside the limits only
those that say so; nothing is unpacked or written to disk; each pass sees the same bytes; every value
comes out in its declared type, exactly, or the extract is refused with file, line and column; no
exception holds a value or a parser's text.
Not guaranteed: that the rest is not in memory for a moment: a file can only be read whole.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from remit.adapters.dump_source.source import DumpSource
from remit.errors import UsageError

__all__ = ["DumpSource", "is_dump", "open_dump"]

_SCHEMES = ("dump://", "file://")


def is_dump(spec: str) -> bool:
    """Whether it is the URL or path of a dump."""
    return spec.startswith((*_SCHEMES, "/", "./", "../")) or (
        "://" not in spec and bool(spec) and Path(spec).exists()
    )


def open_dump(spec: str) -> DumpSource:
    """Prepare a dump from its folder's or file's path or URL; nothing is opened yet.

    Raises:
        UsageError: it is no absolute path behind ``file://`` or ``dump://``.
    """
    path = Path(spec)
    if "://" in spec:
        parts = urlsplit(spec)
        path = Path(unquote(parts.path))
        if parts.netloc or parts.query or parts.fragment or not path.is_absolute():
            raise UsageError("a dump's URL is dump:///absolute/path, of a folder or a file.")
    if "\0" in str(path):
        raise UsageError("a path has no NUL.")
    return DumpSource(path.absolute(), label=f"dump://{path.absolute()}")
