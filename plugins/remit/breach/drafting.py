"""From a run, an alert or a key to the notices that its controllers are owed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from remit.breach.exposed import Exposed, exposed
from remit.breach.notice import Cause, Notice
from remit.custody.key_impact import impact
from remit.custody.story import Story, is_run
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, Ledger

_ALERTS = "register:alerts"
_Readable = Mapping[str, Collection[str]] | None


def draft_of_runs(
    ledger: Ledger,
    runs: Iterable[str],
    now: datetime,
    aware: datetime | None = None,
    cause: Cause | None = None,
) -> list[Notice]:
    """The notices of a breach of these runs' files, one for each controller.

    Args:
        aware: when the processor became aware of it.
        cause: what showed it; the first run itself by default.

    Raises:
        Refused: run-unknown.
        EvidenceBroken: a record is damaged.
    """
    names = list(runs)
    found = [_exposed(ledger, name) for name in names]
    return _notices(ledger, cause or Cause("run", names[0]), found, now, aware)


def draft_of_alert(
    ledger: Ledger, alert: str, now: datetime, aware: datetime | None = None
) -> list[Notice]:
    """The notices of a breach that an alert shows, of the run that it is about.

    Raises:
        Refused: alert-unknown; alert-without-run.
        EvidenceBroken: a record is damaged.
    """
    for kept in ledger.kept(_ALERTS, ["alerted"]):
        record = kept.record()
        try:
            data = record.data
            if data["alert"] != alert:
                continue
            run, told = data["run"], [f"{record.at}: {data['message']}"]
        except (KeyError, TypeError):
            raise EvidenceBroken(f"record {record.seq}", "it is not what an alert is.") from None
        if run is None:
            raise _alert_without_run(alert)
        return draft_of_runs(ledger, [run], now, aware, Cause("alert", alert, told))
    raise Refused(
        "alert-unknown",
        f"alert {alert}",
        "the evidence has no alert of this id.",
        "list the alerts, and give the id of one.",
    )


def _alert_without_run(alert: str) -> Refused:
    return Refused(
        "alert-without-run",
        f"alert {alert}",
        "it is about no run, so that it does not say whose data are concerned.",
        "draft the notice of each run concerned (remit breach RUN), or of a lost key (--key).",
    )


def draft_of_key(
    ledger: Ledger,
    key_id: str,
    now: datetime,
    aware: datetime | None = None,
    since: datetime | None = None,
) -> list[Notice]:
    """The notices of what a lost key could open, one for each controller; none if it opens nothing.

    Args:
        since: from when it may have been in wrong hands; by default as its revocation says, or ever.

    Raises:
        Refused: key-unknown.
        EvidenceBroken: a record is damaged.
    """
    reached = impact(ledger, key_id, since)
    opened: dict[str, dict[str, set[str]]] = {}
    for one in reached["could_open"]:
        tables = opened.setdefault(one["run"], {})
        for table in one["tables"]:
            tables.setdefault(table["table"], set()).update(table["columns"])
    found = [_exposed(ledger, run, columns) for run, columns in opened.items()]
    return _notices(ledger, _cause_of_key(reached), found, now, aware)


def _cause_of_key(reached: Mapping[str, Any]) -> Cause:
    signed = {
        name: sum(one["suspect"] for one in documents)
        for name, documents in reached["signed"].items()
        if name != "log"
    }
    told = [reached["revoked"]["reason"]] if reached["revoked"] else []
    return Cause("key", reached["key_id"], told, signed)


def _exposed(ledger: Ledger, run: str, readable: _Readable = None) -> Exposed:
    records = [kept.record() for kept in ledger.kept(run)] if is_run(run) else []
    story = Story(run, records)
    if not story.has("opened"):
        raise Refused(
            "run-unknown",
            f"run {run}",
            "the evidence has no run of this id that was opened.",
            "list the runs with remit evidence show.",
        )
    return exposed(story, readable)


def _notices(
    ledger: Ledger, cause: Cause, found: Iterable[Exposed], now: datetime, aware: datetime | None
) -> list[Notice]:
    envelope = ledger.checkpoint()
    if envelope is None:
        raise EvidenceBroken("the newest checkpoint", "there is none.")
    checkpoint = Checkpoint.unverified(envelope, "the newest checkpoint")
    by: dict[str, list[Exposed]] = {}
    for one in found:
        for controller in one.terms.controllers:
            by.setdefault(controller.name, []).append(one)
    return [
        Notice(cause, name, runs, now, aware, checkpoint.size, checkpoint.root)
        for name, runs in sorted(by.items())
    ]
