"""A key's impact as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remit.errors import one_line

Shown = Mapping[str, Any]


def impact_lines(found: Shown) -> Iterator[str]:
    """The report, line by line."""
    yield f"Key {found['key_id']}"
    if said := found["revoked"]:
        yield one_line(
            f"Revoked at {said['known_at']} by {said['person']}, in wrong hands perhaps since "
            f"{said['since']}: {said['reason']}"
        )
    yield f"Looked at from {found['since']} on." if found["since"] else "Looked at for all time."
    for role in found["roles"]:
        asked = role["instruction"]
        yield one_line(
            f"It is {_ROLES[role['role']]} {role['party']} ({role['field']}) in instruction "
            f"{asked['id']} version {asked['version']}, received {role['received_at']}."
        )
    yield ""
    yield from _could_open(found)
    yield from _signed(found["signed"])
    yield "Not known from here:"
    yield from (f"  - {line}." for line in found["not_known"])


_ROLES = {
    "recipient": "the key of recipient",
    "receipt": "the receipt key of",
    "processor": "the signing key of processor",
    "controller": "a signing key of controller",
}


def _could_open(found: Shown) -> Iterator[str]:
    runs = found["could_open"]
    rows = sum(table["rows"] for run in runs for table in run["tables"] if table["columns"])
    yield f"Could open: {rows} rows in {len(runs)} runs." if runs else "Could open: nothing."
    for run in runs:
        yield f"  run {run['run']}, as {run['party']}, from {run['from']} {_end(run)}"
        for table in run["tables"]:
            yield f"    {table['table']}: {_columns(table)}"
    if gone := found["gone_before"]:
        yield f"  Not counted, for every copy was gone before: {', '.join(gone)}."
    yield ""


def _end(run: Shown) -> str:
    delivered = "delivered" if run["delivered_at"] else "never delivered"
    confirmed = f"confirmed at {run['confirmed_at']}" if run["confirmed_at"] else "not confirmed"
    if run["deleted_at"]:
        copies = f"every copy here deleted at {run['deleted_at']}"
    else:
        copies = f"COPIES ARE STILL HERE, due for deletion at {run['deletion_due']}"
    until = f"until {run['until']}" if run["until"] else "until now"
    return f"{until}; {delivered}, {confirmed}; {copies}."


def _columns(table: Shown) -> str:
    if not table["columns"]:
        return f"no column; the names of its columns and that it has {table['rows']} rows"
    categories = ", ".join(table["categories"])
    return f"{table['rows']} rows of {', '.join(table['columns'])} ({categories})"


def _signed(signed: Shown) -> Iterator[str]:
    for name, title in _TITLES.items():
        if documents := signed[name]:
            yield f"{title} signed with it: {len(documents)}, {_suspect(documents)}."
            yield from (f"  {_document(one)}" for one in documents)
    if log := signed["log"]:
        state = "and goes on under it" if log["in_force"] else "and no more"
        yield f"The log: records {log['first_record']} to {log['last_record']} {state}."
        if held := log["provable"]:
            yield (
                f"  Provable all the same: the first {held['records']} records, by the checkpoint that "
                f"delivery {held['run']} carried to its target at {held['at']}."
            )
        else:
            yield "  No checkpoint from before is with a target: compare with those you keep elsewhere."
    if any(signed.values()):
        yield ""


_TITLES = {
    "instructions": "Instructions",
    "manifests": "Manifests",
    "receipts": "Receipts",
    "certificates": "Deletion certificates",
}


def _suspect(documents: Sequence[Shown]) -> str:
    suspect = sum(one["suspect"] for one in documents)
    return f"{suspect} of them while it may have been in wrong hands"


def _document(one: Shown) -> str:
    name = f"run {one['run']}" if "run" in one else f"{one['id']} version {one['version']}"
    others = one.get("also_signed_by", [])
    alone = f"; also signed by {len(others)} other keys" if others else ""
    return f"{name}, recorded {one['at']}{', SUSPECT' if one['suspect'] else ''}{alone}"
