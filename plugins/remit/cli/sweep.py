"""`remit sweep`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from remit.cli.output import Output
from remit.custody import Swept
from remit.custody import sweep as look
from remit.custody.orphans import WHY, Orphan
from remit.errors import UsageError, one_line
from remit.wiring import Resolve, Settings, open_deployment, open_landing, os_user


def sweep(options: argparse.Namespace, output: Output, resolve: Resolve) -> int:
    """Look for what nobody recorded; delete it if that is asked for and the rule allows it."""
    settings = Settings.from_environment()
    deployment = open_deployment(settings, settings.trust(options.trust), resolve=resolve)
    after = deployment.orphans_after if options.delete else None
    if options.delete and after is None:
        raise UsageError("REMIT_ORPHANS is report; set it to delete-after=P7D or the like first.")
    done = look(deployment, f"os:{os_user()}", lambda spec: open_landing(spec, resolve), after)
    now = deployment.clock()
    fields = {
        "orphans": [_fields(one, done, now, names=options.names) for one in done.found],
        "unseen": [{"landing": spec, "why": str(error)} for spec, error in done.unseen],
        "failed": [{"name": one.name, "why": str(error)} for one, error in done.failed],
    }
    text = "\n".join(_lines(done, now, names=options.names))
    output.result(fields, text or "Nothing is there that nobody recorded.")
    errors = [error for _, error in (*done.unseen, *done.failed)]
    return max((error.exit_code for error in errors), default=0)


def _fields(one: Orphan, done: Swept, now: datetime, *, names: bool) -> dict[str, Any]:
    age = None if one.oldest is None else int((now - one.oldest).total_seconds())
    known = {**one.as_json(), "age_seconds": age, "new": one in done.new}
    named = {"path": one.top} if names else {}
    return {**known, "removed": one in done.removed, **named}


def _lines(done: Swept, now: datetime, *, names: bool) -> Iterator[str]:
    for one in done.found:
        name = one_line(one.top) if names else one.name
        age = "age unknown" if one.oldest is None else f"{(now - one.oldest).days} days old"
        gone = " Removed and looked for again: gone." if one in done.removed else ""
        size = f"{one.files} files, {one.size} bytes, {age}"
        yield f"{one.place}: {name}: {size}; {WHY[one.why]}.{gone}"
    for spec, error in done.unseen:
        yield f"{spec}: not looked at: {error}"
    for orphan, error in done.failed:
        yield f"{orphan.place}: {orphan.name}: NOT removed: {error}"
