"""A difference in words, in English and in French."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from remit.instruction.differences.walk import Raw
from remit.instruction.differences.words import ENTRIES, label
from remit.instruction.forms import Category
from remit.instruction.model import Instruction
from remit.instruction.plain_language.tables import category
from remit.instruction.plain_language.voice import Voice
from remit.instruction.tables import Column
from remit.signing import PublicKey

# Lists of whom nothing is told but how many they are: hashes that stand for persons.
_COUNTED = ("suppress.subjects",)


def place(raw: Raw, say: Voice) -> str:
    """Where it is, such as ``table results, column unit, category``."""
    names = []
    for part in raw.path:
        entry = ENTRIES.get(part.name)
        if part.key is not None and entry:
            names.append(f"{say(*entry)} {say.name(part.key)}")
        else:
            names.append(label(part.name, say))
    return ", ".join(names)


def sentence(raw: Raw, old: Instruction, new: Instruction, say: Voice) -> str:
    """What changed there."""
    where = place(raw, say)
    if raw.act in ("added", "removed"):
        added = raw.act == "added"
        said = text(raw, raw.after, new, say) if added else text(raw, raw.before, old, say)
        verb = say(*_verbs(raw.field)[0 if added else 1])
        return say(
            "{where}: {verb}: {what}.", "{where} : {verb} : {what}.",
            where=where, verb=verb, what=said,
        )  # fmt: skip
    before, after = text(raw, raw.before, old, say), text(raw, raw.after, new, say)
    if raw.act == "reordered":
        return say(
            "{where}: in another order, or as often as before no more: {after}.",
            "{where} : dans un autre ordre, ou un autre nombre de fois : {after}.",
            where=where,
            after=after,
        )
    return say(
        "{where}: was {before}, is now {after}.",
        "{where} : était {before}, est maintenant {after}.",
        where=where,
        before=before,
        after=after,
    )


def _verbs(field: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What is said of what was added, and of what was removed; each in both languages."""
    if field in ("tables", "tables.columns"):
        return ("leaves now", "sort désormais"), ("leaves no more", "ne sort plus")
    if field.startswith("recipients") and field.count(".") == field.endswith(".categories"):
        return ("can read now", "peut lire désormais"), ("can read no more", "ne peut plus lire")
    if field == "suppress.subjects":
        return ("suppressed now", "désormais exclues"), ("no longer suppressed", "plus exclues")
    return ("new", "nouveau"), ("no longer", "plus rien de tel")


def text(raw: Raw, value: Any, terms: Instruction, say: Voice) -> str:
    """What was there, or is, with who reads it where that follows from it."""
    if raw.field in _COUNTED and isinstance(value, list):
        return say.count(len(value), ("entry", "entries"), ("entrée", "entrées"))
    words = _value(value, say)
    if isinstance(value, Column):
        return f"{words}; {_readers(value.category, terms, say)}"
    if isinstance(value, Category) and raw.field == "tables.columns.category":
        return f"{words} ({_readers(value, terms, say)})"
    return words


def _readers(which: Category, terms: Instruction, say: Voice) -> str:
    readers = terms.recipients_of(which)
    who = say.all_of(say.name(party.legal_name) for party in readers)
    if not readers:
        return say("nobody can read it", "personne ne peut le lire")
    return say("read by {who}", "lu par {who}", who=who)


def _value(value: Any, say: Voice) -> str:
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words(value, say)
    return say.name(str(value))


def _boolean(value: bool, say: Voice) -> str:
    return say("yes", "oui") if value else say("no", "non")


def _special(value: Category, say: Voice) -> str:
    art9 = say(" (special category, Art. 9)", " (catégorie particulière, art. 9)")
    return category(value, say) + (art9 if value.special else "")


def _string(value: str, say: Voice) -> str:
    if value.startswith(("ed25519:", "x25519:", "mlkem768x25519:")):
        key = PublicKey.parse(value)
        words = say("key", "clé")
        return f"{key.algorithm}, {words} {key.key_id}"
    return say.name(value) if value else say("nothing", "rien")


def _list(value: list[Any], say: Voice) -> str:
    if not value:
        return say("none", "aucun")
    shown = [_value(one, say) for one in value]
    if any(isinstance(one, BaseModel) for one in value):
        return "; ".join(f"[{one}]" for one in shown)
    return say.all_of(shown)


def _group(value: BaseModel, say: Voice) -> str:
    return "; ".join(_fields(value, say))


def _fields(value: BaseModel, say: Voice) -> Iterator[str]:
    for name, info in type(value).model_fields.items():
        held = getattr(value, name)
        if held is not None:
            shown = _value(held, say)
            inner = f"[{shown}]" if isinstance(held, BaseModel) else shown
            yield f"{label(info.alias or name, say)} {inner}"


_KINDS: tuple[tuple[type, Callable[[Any, Voice], str]], ...] = (
    (bool, _boolean),
    (Category, _special),
    (timedelta, lambda value, say: say.duration(value) or say("at once", "aussitôt")),
    (datetime, lambda value, say: say.moment(value)),
    (int, lambda value, say: say.number(value)),
    (str, _string),
    (list, _list),
    (BaseModel, _group),
)
