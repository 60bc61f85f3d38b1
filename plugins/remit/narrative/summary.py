"""A run in one paragraph: what left to whom under whose instruction, and what became of the copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from remit import canonical
from remit.errors import one_line
from remit.evidence import Record
from remit.instruction.plain_language.voice import Voice
from remit.narrative.duty import Duty
from remit.narrative.words import moment, short, step
from remit.plan.words import voice_of
from remit.rule_names import RULE_NAMES

Last = Mapping[str, Record]
"""The last record of each kind."""


def summary(
    records: Sequence[Record], duty: Duty | None, now: datetime, language: str = "en"
) -> str:
    """The paragraph.

    Args:
        records: all of a run's, in their order.
        duty: the run's `Obligation`; None while there is none.
        language: one of `remit.narrative.Language`.
    """
    say, last = voice_of(language), {record.kind: record for record in records}
    if "opened" not in last:
        none = "No instruction was accepted.", "Aucune instruction n'a été acceptée."
        return one_line(" ".join([say(*none), *_refused(records, say)]))
    told = [
        *(_left(last, say) if "delivered" in last else _stayed(last, say)),
        *_stopped(last, records, say),
        *_deletion(last, duty, now, say),
    ]
    return one_line(" ".join(told))


def _left(last: Last, say: Voice) -> Iterator[str]:
    """What left, to whom, and whether the target confirmed it."""
    yield say(
        "On {at}, instruction {id} version {version} of controller {controller} let {columns} leave to "
        "{recipients}: {rows}.",
        "Le {at}, l'instruction {id}, version {version}, du responsable du traitement {controller} a "
        "laissé sortir {columns} vers {recipients} : {rows}.",
        at=moment(last["delivered"].at, say),
        columns=_columns(last, say),
        rows=_rows(last, say),
        **_who(last["opened"].data, say),
    )
    yield _confirmation(last, say)


def _stayed(last: Last, say: Voice) -> Iterator[str]:
    """What was asked, and that nothing was delivered."""
    yield say(
        "On {at}, a run was opened under instruction {id} version {version} of controller {controller}, "
        "for {recipients}.",
        "Le {at}, une exécution a été ouverte sous l'instruction {id}, version {version}, du "
        "responsable du traitement {controller}, pour {recipients}.",
        at=moment(last["opened"].at, say),
        **_who(last["opened"].data, say),
    )
    if "extracted" not in last:
        yield say("Nothing has been delivered.", "Rien n'a été livré.")
        return
    extract = {"columns": _columns(last, say), "rows": _rows(last, say)}
    if "delivering" in last:
        yield say(
            "Sending {columns} was begun, and is not recorded as ended: {rows}.",
            "L'envoi de {columns} a commencé, sans que sa fin soit enregistrée : {rows}.",
            **extract,
        )
    else:
        yield say(
            "{columns} were extracted: {rows}; nothing has been delivered.",
            "Extraction de {columns} : {rows} ; rien n'a été livré.",
            **extract,
        )


def _who(opened: Mapping[str, Any], say: Voice) -> dict[str, str]:
    return {
        "id": opened["instruction"]["id"],
        "version": str(opened["instruction"]["version"]),
        "controller": opened["controller"],
        "recipients": say.all_of(one["name"] for one in opened["recipients"]),
    }


def _columns(last: Last, say: Voice) -> str:
    tables = last["planned"].data["plan"]["tables"]
    columns = sum(len(table["columns"]) for table in tables)
    return say(
        "{columns} of {tables}",
        "{columns} de {tables}",
        columns=say.count(columns, ("column", "columns"), ("colonne", "colonnes")),
        tables=say.count(len(tables), ("table", "tables"), ("table", "tables")),
    )


def _rows(last: Last, say: Voice) -> str:
    """As extracted, of all that the source had when the run was planned."""
    totals = [table["rows_total"] for table in last["planned"].data["plan"]["tables"]]
    rows = sum(file["rows"] for file in last["extracted"].data["files"])
    if None in totals:
        return say.count(rows, ("row", "rows"), ("ligne", "lignes"))
    return say(
        "{rows} of {total} rows",
        "{rows} lignes sur {total}",
        rows=say.number(rows),
        total=say.number(sum(totals)),
    )


def _confirmation(last: Last, say: Voice) -> str:
    if "confirmed" not in last:
        return say("The target has not confirmed it.", "Le destinataire ne l'a pas confirmé.")
    confirmed = last["confirmed"]
    return say(
        "Confirmed on {at} by {who} (level {level}).",
        "Confirmé le {at} par {who} (niveau {level}).",
        at=moment(confirmed.at, say),
        who=say.name(confirmed.data["principal"]),
        level=confirmed.data["level"],
    )


def _stopped(last: Last, records: Sequence[Record], say: Voice) -> Iterator[str]:
    """Why it has not gone on."""
    if "stopped" in last:
        yield say(
            "It was stopped at {step} on {at}.",
            "Elle a été arrêtée à l'étape {step} le {at}.",
            step=step(last["stopped"].data["step"], say),
            at=moment(last["stopped"].at, say),
        )
        yield from _refused([one for one in records if _ends(one)], say)
    elif records[-1].kind == "refused":
        yield from _refused(records[-1:], say)


def _ends(record: Record) -> bool:
    return record.kind == "refused" and bool(record.data["ends_run"])


def _refused(records: Sequence[Record], say: Voice) -> Iterator[str]:
    """The rule that the last refusal among the records names."""
    for record in reversed(records):
        if record.kind == "refused":
            code = record.data["refusal"]["code"]
            yield say(
                "Refused by the rule {code}.",
                "Refusé par la règle {rule}.",
                code=code,
                rule=f"{code} ({RULE_NAMES[code]})" if code in RULE_NAMES else code,
            )
            return


def _deletion(last: Last, duty: Duty | None, now: datetime, say: Voice) -> Iterator[str]:
    """What became of the copies, or will."""
    if "deleted" in last:
        deleted = last["deleted"]
        yield say(
            "Every copy was deleted on {at}, certificate {digest}.",
            "Toutes les copies ont été supprimées le {at}, certificat de suppression {digest}.",
            at=moment(deleted.at, say),
            digest=short(canonical.sha256(deleted.data["certificate"].encode())),
        )
    elif duty is None:
        yield say("There is no copy to delete.", "Il n'y a aucune copie à supprimer.")
    elif duty.held_until is not None and now < duty.held_until:
        yield say(
            "The copies are not deleted: the deletion is suspended until {until}.",
            "Les copies ne sont pas supprimées : la suppression est suspendue jusqu'au {until}.",
            until=say.moment(duty.held_until),
        )
    elif now < duty.due:
        yield say(
            "The copies are deleted on {due}.",
            "Les copies seront supprimées le {due}.",
            due=say.moment(duty.due),
        )
    else:
        yield say(
            "The copies are NOT deleted; that is due since {due}.",
            "Les copies ne sont PAS supprimées ; elles doivent l'être depuis le {due}.",
            due=say.moment(duty.due),
        )
