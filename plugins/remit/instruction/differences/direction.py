"""Whether a difference widens an instruction, narrows it, or merely changes it.

Wider is what lets more leave, more people read, copies live longer, or asks for less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from remit.instruction.differences.walk import Raw
from remit.instruction.forms import Category
from remit.instruction.model import Instruction
from remit.instruction.parties import EEA

Direction = Literal["widened", "narrowed", "changed"]
Rule = Callable[[Raw], Direction]


def direction(raw: Raw, old: Instruction, new: Instruction) -> Direction:
    """The direction of one difference; ``changed`` where no rule says more."""
    if raw.field == "tables.columns.category":
        return _of_readers(raw, old, new)
    rule = _RULES.get(raw.field)
    return rule(raw) if rule else "changed"


def _more(raw: Raw) -> Direction:
    """What is there more of allows more."""
    return "widened" if raw.act == "added" else "narrowed" if raw.act == "removed" else "changed"


def _fewer(raw: Raw) -> Direction:
    """What is there more of demands or limits more."""
    return "narrowed" if raw.act == "added" else "widened" if raw.act == "removed" else "changed"


def _higher(raw: Raw) -> Direction:
    """The higher the wider; a limit that comes or goes is one."""
    if raw.act != "set":
        return _fewer(raw)
    return "widened" if raw.after > raw.before else "narrowed"


def _lower(raw: Raw) -> Direction:
    if raw.act != "set":
        return _fewer(raw)
    return "widened" if raw.after < raw.before else "narrowed"


def _ranked(*narrow_to_wide: str) -> Rule:
    def rule(raw: Raw) -> Direction:
        ranks = {name: rank for rank, name in enumerate(narrow_to_wide)}
        before, after = ranks.get(raw.before), ranks.get(raw.after)
        if before is None or after is None:
            return "changed"
        return "widened" if after > before else "narrowed"

    return rule


def _country(raw: Raw) -> Direction:
    if (raw.before in EEA) is (raw.after in EEA):
        return "changed"
    return "narrowed" if raw.after in EEA else "widened"


# How much of a value leaves, by what is done to it.
_LEFT = {"empty": 0, "constant": 0, "pseudonym": 1, "generalise": 2, "truncate": 2, "keep": 3}


def _transformation(raw: Raw) -> Direction:
    def left(value: Any) -> int:
        return _LEFT[value.kind] if value else _LEFT["keep"]

    before, after = left(raw.before), left(raw.after)
    return "changed" if before == after else "widened" if after > before else "narrowed"


def _networks(raw: Raw) -> Direction:
    """Of none, nothing is asked: the first ones narrow it."""
    return "changed" if raw.act == "reordered" else _more(raw)


def _of_readers(raw: Raw, old: Instruction, new: Instruction) -> Direction:
    """Another category has other readers."""

    def readers(category: Any, terms: Instruction) -> set[str]:
        return {party.name for party in terms.recipients_of(Category(category))}

    before, after = readers(raw.before, old), readers(raw.after, new)
    if before == after:
        return "changed"
    return "narrowed" if after < before else "widened"


_RULES: dict[str, Rule] = {
    "controller.signatures": _lower,
    "joint_controllers": _fewer,
    "joint_controllers.signatures": _lower,
    "processor.next_signing_key": _more,
    "data_subjects": _more,
    "valid.from": _lower,
    "valid.until": _higher,
    "recipients": _more,
    "recipients.categories": _more,
    "recipients.country": _country,
    "recipients.next_key": _more,
    "recipients.next_receipt_key": _more,
    "subprocessors": _more,
    "subprocessors.country": _country,
    "security.endpoint": _fewer,
    "security.account.overprivileged": _ranked("refuse", "warn"),
    "security.account.shared": _fewer,
    "suppress": _fewer,
    "suppress.subjects": _fewer,
    "tables": _more,
    "tables.columns": _more,
    "tables.columns.free_text": _more,
    "tables.columns.identifiers": _fewer,
    "tables.columns.identifiers.treatment": _ranked("stop", "redact", "count"),
    "tables.columns.identifiers.kinds": _fewer,
    "tables.columns.transform": _transformation,
    "tables.columns.transform.to": _ranked("year", "month"),
    "tables.columns.transform.width": _lower,
    "tables.columns.transform.length": _higher,
    "tables.no_data_subject": _more,
    "tables.subject_names": _fewer,
    "tables.subject_names.columns": _fewer,
    "tables.rows.maximum": _higher,
    "tables.rows.window": _fewer,
    "tables.rows.window.from": _lower,
    "tables.rows.window.to": _higher,
    "tables.rows.window.per_run": _fewer,
    "tables.rows.sites": _fewer,
    "tables.rows.sites.in": _more,
    "tables.rows.codes": _fewer,
    "tables.rows.codes.in": _more,
    "tables.rows.only": _fewer,
    "tables.rows.through": _fewer,
    "tables.rows.all": _more,
    "tables.rows.undated": _more,
    "tables.rows.all_codes": _more,
    "expectations": _fewer,
    "reporting.small_counts": _lower,
    "confirmation.level": _ranked("L3", "L2", "L1"),
    "confirmation.by": _more,
    "confirmation.audit_table.recount": _fewer,
    "retention.after_confirmation": _higher,
    "retention.without_confirmation": _higher,
    "contacts.breach_within": _higher,
    "contacts.rights_within": _higher,
    "contacts.authorised": _more,
    "contacts.authorised.may": _more,
    "contacts.shared_accounts": _fewer,
    "approval": _fewer,
    "supervision": _fewer,
    "supervision.escalation": _fewer,
    "supervision.escalation.after": _higher,
    "supervision.receipt_within": _higher,
    "supervision.unusual_times": _higher,
    "supervision.addresses": _networks,
}
