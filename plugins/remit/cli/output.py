"""What commands print: text for people, or one JSON object for machines; nothing personal."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from remit.errors import Refused, RemitError, Unavailable, describe_unexpected, visible
from remit.ports import Progress

_STYLES = {  # for any background: no white, no black
    "heading": "bold",
    "leaves": "green",
    "stays": "dim",
    "changed": "cyan",
    "warning": "yellow",
    "refusal": "bold red",
    "sql": "dim",
}


_COMMAND = re.compile("^(\\s*:)(?=:)", re.MULTILINE)
"""How a line begins that a CI server takes for a command to itself, such as ``::error::``."""


def _plain(text: str) -> str:
    """Text that does nothing to a terminal or a CI server: names in it come from outside."""
    return _COMMAND.sub(r"\1 ", visible(text))


def _json(fields: Any) -> str:
    """The same text for machines, with what cannot be seen escaped."""
    said = jsonlib.dumps(fields, indent=2, ensure_ascii=False)
    escaped = (c if c == visible(c) else jsonlib.dumps(c)[1:-1] for c in said)
    return "".join(escaped)


class Output:
    """Standard output and error of one command."""

    def __init__(self, *, json: bool, stream: TextIO, errors: TextIO) -> None:
        self._json, self._stream, self._errors = json, stream, errors

    def result(self, fields: Any, text: str) -> None:
        """The command's result, in the form asked for."""
        print(_json(fields) if self._json else _plain(text.rstrip()), file=self._stream)

    def always_json(self, fields: Any) -> None:
        """A result that was asked for as JSON by the command's own option."""
        print(_json(fields), file=self._stream)

    def exact(self, data: bytes) -> None:
        """A result that is a file's bytes, as they are."""
        self._stream.flush()
        binary = getattr(self._stream, "buffer", None)
        if binary is None:  # a stream of text alone, such as a test's
            self._stream.write(data.decode())
        else:
            binary.write(data)
            binary.flush()

    def lines(self, fields: Any, lines: Sequence[tuple[str, str]]) -> None:
        """The command's result as lines, coloured by what they mean where that can be seen.

        Args:
            lines: meaning (`remit.plan.shown.Line`) and text of each.
        """
        if self._json:
            self.result(fields, "")
            return
        from rich.console import Console  # not a part of the target's kit
        from rich.text import Text

        console = Console(file=self._stream, highlight=False, soft_wrap=True)
        for meaning, text in lines:
            console.print(Text(_plain(text), style=_STYLES.get(meaning, "")))

    def note(self, text: str) -> None:
        """A remark beside the result."""
        if not self._json:
            print(_plain(text), file=self._errors)

    def error(self, error: RemitError) -> None:
        """An error of ours; never a traceback."""
        if self._json:
            fields: dict[str, Any] = {"message": str(error)}
            if isinstance(error, Refused):
                fields = error.as_json()
            elif isinstance(error, Unavailable):
                fields = {"where": error.where, "message": error.message}
            print(_json({"error": fields}), file=self._stream)
        elif isinstance(error, Refused):
            print(f"Refused ({error.code}) at {error.where}:", file=self._errors)
            print(f"  {error.message}\n  Way out: {error.way_out}", file=self._errors)
        else:
            print(f"{type(error).__name__}: {error}", file=self._errors)

    def unexpected(self, error: Exception) -> None:
        """An error that nobody expected, without its text."""
        said = describe_unexpected(error)
        if self._json:
            print(jsonlib.dumps({"error": {"message": said}}, indent=2), file=self._stream)
        else:
            print(said, file=self._errors)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Rows per table while they pass, on a terminal only."""
        if not self._errors.isatty():
            yield lambda _table, _rows: None
            return
        from rich.console import Console
        from rich.progress import Progress as RichProgress
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:,.0f} rows"),
            TimeElapsedColumn(),
        )
        with RichProgress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
            tasks: dict[str, Any] = {}

            def show(table: str, rows: int) -> None:
                if table not in tasks:
                    tasks[table] = bar.add_task(table, total=None)
                bar.update(tasks[table], completed=rows)

            yield show
