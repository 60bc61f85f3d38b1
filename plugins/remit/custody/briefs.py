"""Runs in brief: what reports tell of them, without the documents, which would fill the memory.

Guarantee: only records of the kinds that say something here are read, each whole and in its place; of
documents the digest is kept. Memory grows with the number of runs, some kilobytes each.
Not guaranteed: that the log is whole, which `remit evidence verify --all` tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from remit import canonical
from remit.custody.story import REGISTER, Story, is_run
from remit.evidence import Ledger, Record

KINDS = (
    "received revoked opened obliged extracted sealed approved delivering delivered answered confirmed "
    "refused interrupted stopped held released undeleted dump-kept deleted"
).split()
"""What is read: of the register of instructions everything, of runs what a report tells."""

_DOCUMENTS = {"opened": "envelope", "confirmed": "receipt", "deleted": "certificate"}


def records_for_reports(ledger: Ledger, before: int | None = None) -> Iterator[Record]:
    """The register's records whole and those of runs in brief, in order.

    Args:
        before: only records up to this place in the log.

    Raises:
        EvidenceBroken: one of them is damaged.
    """
    for kept in ledger.kept(kinds=KINDS):
        if before is not None and kept.seq >= before:
            return
        if kept.run == REGISTER:
            yield kept.record()
        elif is_run(kept.run):
            yield brief(kept.record())


def register_records(ledger: Ledger) -> Iterator[Record]:
    """The records of the register of instructions alone."""
    return (kept.record() for kept in ledger.kept(REGISTER))


def split(records: Iterable[Record]) -> tuple[list[Record], list[Story]]:
    """The register's records, and the runs in the order of their opening."""
    register: list[Record] = []
    runs: dict[str, list[Record]] = {}
    for record in records:
        if record.run == REGISTER:
            register.append(record)
        elif is_run(record.run):
            runs.setdefault(record.run, []).append(brief(record))
    return register, [Story(run, own) for run, own in runs.items()]


def brief(record: Record) -> Record:
    """A record with its document's digest in place of the document, and of its files the rows."""
    data: Any = record.data
    if not isinstance(data, dict):
        return record
    name = _DOCUMENTS.get(record.kind, "")
    if isinstance(document := data.get(name), str):
        kept = {key: value for key, value in data.items() if key != name}
        data = kept | {f"{name}_digest": canonical.sha256(document.encode())}
    elif record.kind == "extracted" and isinstance(data.get("files"), list):
        data = {"files": [_rows(file) for file in data["files"]]}
    return replace(record, data=data)


def _rows(file: Any) -> Any:
    return (
        {"table": file.get("table"), "rows": file.get("rows")} if isinstance(file, dict) else file
    )
