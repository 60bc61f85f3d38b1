"""The run's story in plain sentences: the CLI, task logs and pages all tell it with these.

Every sentence is made of what the evidence holds: names, counts, digests, times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.errors import one_line
from remit.evidence import Record
from remit.plan.shown import plan_lines

WARNING = "Warning"
"""With this begins what did not stop the run, but should be looked at."""

_TITLES = {
    "received": "Instruction received",
    "revoked": "Instruction revoked",
    "rotated": "Signing key rotated",
    "key-revoked": "Key revoked",
    "opened": "Asked",
    "planned": "Planned",
    "unplanned": "Could not be planned",
    "obliged": "Obliged to delete",
    "divided": "Divided",
    "piece": "Extracted a piece",
    "extracted": "Extracted",
    "validated": "Validated",
    "invalid": "Failed validation",
    "sealing": "Checked recipients",
    "sealed": "Sealed",
    "delivering": "Delivering",
    "delivered": "Delivered",
    "answered": "Answered",
    "confirmed": "Confirmed",
    "deleting": "Found to delete",
    "dump-kept": "Dump kept",
    "deleted": "Deleted",
    "refused": "Refused",
    "interrupted": "Interrupted",
    "stopped": "Stopped",
    "undeleted": "Not yet deleted",
    "held": "Held",
    "released": "Released",
    "orphans": "Found what nobody recorded",
    "swept": "Swept away",
}


def title(record: Record) -> str:
    """The record's kind as a heading."""
    return _TITLES.get(record.kind, record.kind)


def tell(record: Record) -> list[str]:
    """What the record says, one sentence a line."""
    teller = _TELLERS.get(record.kind)
    if teller is None:
        return ["(no words for this kind of record)"]
    return [one_line(sentence) for sentence in teller(record.data)]


def _received(data: Mapping[str, Any]) -> list[str]:
    asked, replaced = data["instruction"], data["supersedes"]
    lines = [
        f"Instruction {asked['id']} version {asked['version']} of {', '.join(data['controllers'])}, "
        f"signatures verified, {asked['digest']}.",
        f"Valid from {data['valid']['from']} until {data['valid']['until']}.",
    ]
    return [*lines, f"It supersedes version {replaced['version']}."] if replaced else lines


def _revoked(data: Mapping[str, Any]) -> list[str]:
    asked = data["instruction"]
    return [
        f"Controller {data['controller']} revoked instruction {asked['id']} version "
        f"{asked['version']}: {data['reason']}",
        "Runs under it that are not confirmed are stopped, and what they extracted is deleted.",
    ]


def _rotated(data: Mapping[str, Any]) -> list[str]:
    return [
        f"{data['new']} follows {data['old']}, endorsed with both.",
        "From this record on the log is signed with it.",
    ]


def _key_revoked(data: Mapping[str, Any]) -> list[str]:
    return [
        f"Key {data['key_id']} must not be used any more, says {data['person']}: {data['reason']}",
        f"It may have been in wrong hands since {data['since']}; what it could open is told by "
        f"remit keys impact.",
    ]


def _opened(data: Mapping[str, Any]) -> list[str]:
    asked = data["instruction"]
    return [
        f"Instruction {asked['id']} version {asked['version']} of controller {data['controller']}, "
        f"signature verified.",
        f"Its digest is {asked['digest']}; this run is pinned to it.",
        f"Purpose: {data['purpose']}.",
        f"From {data['source']} to {data['landing']}.",
        *(
            [f"Data interval {data['interval']['start']} to {data['interval']['end']}."]
            if data["interval"]
            else []
        ),
        *(
            f"Recipient {recipient['name']} may read: {', '.join(recipient['categories'])}."
            for recipient in data["recipients"]
        ),
    ]


def _planned(data: Mapping[str, Any]) -> list[str]:
    return [line.text for line in plan_lines(data["plan"]) if line.text]


def _obliged(data: Mapping[str, Any]) -> list[str]:
    return [
        f"Every copy is deleted at {data['due']} at the latest, whether confirmed or not.",
        f"Recorded before anything was extracted; staging is {data['staging']}.",
        *(f"The dump is a copy too: {file['path']}." for file in data.get("dump", [])),
    ]


def _divided(data: Mapping[str, Any]) -> list[str]:
    rows = ", ".join(f"{table} {count} rows" for table, count in data["rows"].items())
    return [f"{len(data['pieces'])} pieces, read from one state of the source: {rows}."]


def _piece(data: Mapping[str, Any]) -> list[str]:
    file = data["file"]
    return [f"Piece {data['number']}, {file['name']}: {file['rows']} rows, {file['size']} bytes."]


def _extracted(data: Mapping[str, Any]) -> list[str]:
    lines = []
    for file in data["files"]:
        suppressed = f" Suppressed: {file['suppressed']} rows." if file["suppressed"] else ""
        lines.append(
            f"{file['table']}: {file['rows']} rows, {file['size']} bytes, encrypted, "
            f"{file['sha256']}.{suppressed}"
        )
        lines += [f"  {_scanned(column)}" for column in file.get("free_text", [])]
    for table, columns in data["reconciled"].items():
        sums = f", and the sums of {', '.join(columns)}" if columns else ""
        lines.append(f"{table}: rows{sums} are those that the source found in the same state.")
    return lines


def _scanned(column: Mapping[str, Any]) -> str:
    """What was found in a column of free text."""
    each = ", ".join(f"{kind} in {count}" for kind, count in column["kinds"].items() if count)
    done = {"count": "left as they are", "redact": "redacted", "stop": "none may leave"}
    unchecked = column["unchecked"]
    return (
        f"{column['column']}: direct identifiers in {column['identifying']} of {column['texts']} "
        f"texts{f' ({each})' if each else ''}, {done[column['treatment']]}."
        + (f" Of {unchecked} no name is known." if unchecked else "")
    )


def _report(data: Mapping[str, Any]) -> list[str]:
    lines = [f"Judged by {data['report']['engine']}."]
    for table in data["report"]["tables"]:
        total = table["passed"] + table["failed"] + table.get("warned", 0)
        lines.append(
            f"{table['table']}: {table['passed']} of {total} rules hold, {table['rows']} rows."
        )
        lines += [_verdict(verdict) for verdict in table["verdicts"] if not verdict["success"]]
    return lines


def _verdict(verdict: Mapping[str, Any]) -> str:
    columns = ", ".join(verdict["columns"]) or "the table"
    what = "could not be judged" if verdict["error"] else "does not hold"
    if not verdict["error"] and verdict["unexpected"] is not None:
        what = f"does not hold on {verdict['unexpected']} of {verdict['elements']} rows"
    warns = verdict.get("severity") == "warn" and not verdict["error"]
    said = f"{verdict['rule']} ({verdict['type']} on {columns}) {what}."
    return f"{WARNING}: {said} The run goes on." if warns else f"  {said}"


def _sealing(_: Mapping[str, Any]) -> list[str]:
    return ["Each column's key is wrapped to exactly the instructed recipients; manifest signed."]


def _sealed(data: Mapping[str, Any]) -> list[str]:
    return [
        f"Staging key {data['staging_key_destroyed'][:16]}… destroyed and looked for again: gone.",
        "From here on only the recipients can read the files.",
    ]


def _delivering(data: Mapping[str, Any]) -> list[str]:
    return [f"Sending to {data['to']}."]


def _delivered(data: Mapping[str, Any]) -> list[str]:
    return [f"Published whole at {data['to']}, manifest {data['manifest']}."]


_WAYS = {
    "receipt": "receipt",
    "audit_table": "table of loads",
    "bulk_submit": "submission",
    "control_file": "control file",
}
_KEPT = "The copies are kept until their maximum age, and a true answer is accepted until then."
_ANSWERS = {
    "negative": ("the target says that it did not take the delivery in.", _KEPT),
    "partial": ("the target says that it took in a part of the delivery.", _KEPT),
    "lower-level": ("the target promises less than the instruction asks for.", _KEPT),
    "unreconciled": ("what the target says does not fit what was delivered.", _KEPT),
    "other-run": ("the target says it of another run.", _KEPT),
    "replayed": ("the target said it of another delivery; it is not taken a second time.", _KEPT),
    "unverified": ("it is not shown to be the target's, or cannot be read.", _KEPT),
    "unsigned": (
        "it fits what was delivered, but is not signed.",
        "It counts once a person whom the instruction names stands for it (remit confirm --by).",
    ),
    "late": ("it is true, but the run had ended without it.", "It changes nothing."),
    "duplicate": ("the target confirms what it confirmed before.", "It changes nothing."),
    "contradictory": (
        "the target had confirmed the delivery, and now signs the contrary.",
        "The confirmation and the deletion stand; both are kept here.",
    ),
}


def _answered(data: Mapping[str, Any]) -> list[str]:
    what, effect = _ANSWERS[data["outcome"]]
    warns = "" if data["outcome"] == "duplicate" else f"{WARNING}: "
    lines = [
        f"{warns}{_WAYS[data['way']]} {data['digest'][:23]}…, {data['outcome']}: {what} {effect}"
    ]
    if rows := data["rows"]:
        counts = (f"{rows[kind]} {kind}" for kind in ("received", "accepted", "rejected"))
        lines.append(f"Rows, as it says: {', '.join(counts)}.")
    return lines


def _confirmed(data: Mapping[str, Any]) -> list[str]:
    level, rows, who = data["level"], data["rows"], data["principal"]
    said = {
        "receipt": f"The target's receipt {data.get('receipt_id', '')[:16]}… by {who} verified: "
        f"{rows} rows accepted, decryption proven (level {level}).",
        "audit_table": f"The target's table of loads says that {rows} rows are loaded{_counted(data)} "
        f"(level {level}, not signed by the target).",
        "bulk_submit": "The target's server has ended the submission and counts no error (level "
        f"{level}, not signed by the target).",
        "control_file": f"A control file lists the {rows} rows delivered; it is not signed, and {who} "
        f"stands for it (level {level}).",
    }[data["way"]]
    late = [f"{WARNING}: it came after the maximum age, before the deletion."]
    return [said, *(late if data["late"] else []), f"Deletion is now due at {data['due']}."]


def _counted(data: Mapping[str, Any]) -> str:
    found = data.get("said", {}).get("counted", {})
    counted = ", ".join(f"{table} {rows}" for table, rows in found.items())
    return f", and they were counted there ({counted})" if counted else ""


def _dump_kept(data: Mapping[str, Any]) -> list[str]:
    return [f"What was staged is deleted; the dump it was read from is, at {data['until']}."]


def _deleting(data: Mapping[str, Any]) -> list[str]:
    return [f"{copy['where']}, {copy['size']} bytes." for copy in data["copies"]]


def _deleted(data: Mapping[str, Any]) -> list[str]:
    return [
        f"{data['copies']} copies removed and looked for again: gone. Staging key destroyed.",
        "A signed deletion certificate is in the evidence.",
    ]


def _refused(data: Mapping[str, Any]) -> list[str]:
    refusal = data["refusal"]
    return [
        f"At {data['step']}: {refusal['code']} at {refusal['where']}: {refusal['message']}",
        f"Way out: {refusal['way_out']}",
    ]


def _interrupted(data: Mapping[str, Any]) -> list[str]:
    return [f"At {data['step']}: {data['where']}: {data['why']} It may be tried again."]


def _stopped(data: Mapping[str, Any]) -> list[str]:
    return [f"The run is {data['reason']}; its staging key is destroyed, deletion is due at once."]


def _undeleted(data: Mapping[str, Any]) -> list[str]:
    again = f" at {data['again']}" if data.get("again") else ""
    locked = [f"{copy['where']}, until {copy['until']}." for copy in data.get("copies", [])]
    return [f"{data['why']} Deletion stays due and is tried again{again}.", *locked]


def _held(data: Mapping[str, Any]) -> list[str]:
    return [f"Deletion is suspended until {data['until']} by {data['person']}: {data['reason']}"]


def _released(data: Mapping[str, Any]) -> list[str]:
    return [f"{data['person']} ended the hold, so that deletion goes on: {data['reason']}"]


def _orphans(data: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['place']}: {one['name']}, {one['files']} files, {one['size']} bytes, oldest "
        f"{one['oldest'] or 'unknown'} ({one['why']})."
        for one in (data.get("found") or data["removed"])
    ]


_TELLERS = {
    "received": _received,
    "revoked": _revoked,
    "rotated": _rotated,
    "key-revoked": _key_revoked,
    "opened": _opened,
    "planned": _planned,
    "unplanned": _planned,
    "obliged": _obliged,
    "divided": _divided,
    "piece": _piece,
    "extracted": _extracted,
    "validated": _report,
    "invalid": _report,
    "sealing": _sealing,
    "sealed": _sealed,
    "delivering": _delivering,
    "delivered": _delivered,
    "answered": _answered,
    "confirmed": _confirmed,
    "deleting": _deleting,
    "dump-kept": _dump_kept,
    "deleted": _deleted,
    "refused": _refused,
    "interrupted": _interrupted,
    "stopped": _stopped,
    "undeleted": _undeleted,
    "held": _held,
    "released": _released,
    "orphans": _orphans,
    "swept": _orphans,
}


def what_next(records: Sequence[Record]) -> str:
    """What happens after the last record."""
    kinds = {record.kind for record in records}
    if "deleted" in kinds:
        return "Nothing more: every copy is gone."
    if "stopped" in kinds or "confirmed" in kinds:
        return "Next: the deletion DAG (or remit delete --due) deletes every copy when it is due."
    if "delivered" in kinds:
        return "Next: the target loads the delivery and confirms it."
    for done, step in (
        ("sealed", "deliver"),
        ("validated", "seal"),
        ("extracted", "validate"),
        ("planned", "extract"),
        ("opened", "plan"),
    ):
        if done in kinds:
            return f"Next: {step}."
    return "Next: nothing; the run is not known."
