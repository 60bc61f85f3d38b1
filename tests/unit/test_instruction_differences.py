"""The difference between two versions: complete, in two languages, what widens it first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from remit.cli import main
from remit.instruction import Category, Instruction, parse
from remit.instruction.differences import Change, differences, lines
from remit.instruction.differences.direction import _RULES
from remit.instruction.differences.words import LABELS
from remit.instruction.fields import locate
from remit.instruction.plain_language import Language
from remit.instruction.plain_yaml import load
from remit.testing.world import World

EVERYTHING = (Path(__file__).parent / "odcs" / "everything.yaml").read_bytes()
BASE = parse(EVERYTHING)
ENGLISH, FRENCH = Language.ENGLISH, Language.FRENCH
Edit = Callable[[dict[str, Any]], object]


def changed(edit: Edit, language: Language = ENGLISH) -> list[Change]:
    """What differs from the instruction that has everything, after an edit of its fields."""
    fields = load(EVERYTHING)
    edit(fields)
    new = parse(yaml.safe_dump(fields, allow_unicode=True).encode())
    return differences(BASE, new, language)


def only(edit: Edit, language: Language = ENGLISH) -> Change:
    [one] = changed(edit, language)
    return one


# --- completeness ---------------------------------------------------------------------------------


def other(value: Any) -> Any:
    """Another value of the same kind; that no instruction might have it does not matter here."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Category):
        return Category.CONTACT if value is Category.HEALTH else Category.HEALTH
    if isinstance(value, int):
        return value + 1
    if isinstance(value, timedelta):
        return value + timedelta(days=1)
    if isinstance(value, datetime):
        return value + timedelta(days=1)
    return f"another {value}"


def mutants(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every way to change one leaf, drop one optional group or value, or drop or repeat an entry."""
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            inner = getattr(value, name)
            where = f"{path}.{info.alias or name}"
            for changed_at, mutant in mutants(inner, where):
                yield changed_at, value.model_copy(update={name: mutant})
            if inner is not None and not info.is_required():
                yield f"{where} dropped", value.model_copy(update={name: None})
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            where = f"{path}[{index}]"
            for changed_at, mutant in mutants(inner, where):
                yield changed_at, [*value[:index], mutant, *value[index + 1 :]]
            yield f"{where} dropped", [*value[:index], *value[index + 1 :]]
            yield f"{where} twice", [*value, inner]
        if len(value) > 1:
            yield f"{path} reordered", [*value[1:], value[0]]
    elif value is not None:
        yield path, other(value)


MUTANTS = list(mutants(BASE))


def test_every_difference_of_every_field_is_told_in_both_languages() -> None:
    assert len(MUTANTS) > 400
    untold = []
    for path, mutant in MUTANTS:
        for one, two in ((BASE, mutant), (mutant, BASE)):
            for language in Language:
                found = differences(one, two, language)
                if not found or not all(change.sentence for change in found):
                    untold.append(path)

    assert untold == []


def test_what_does_not_differ_is_not_told() -> None:
    again = parse(yaml.safe_dump(load(EVERYTHING), allow_unicode=True).encode())

    assert differences(BASE, again, ENGLISH) == []
    assert list(lines([], FRENCH)) == ["Aucun champ ne diffère."]


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


def every_field(
    model: type[BaseModel] = Instruction, seen: frozenset[Any] = frozenset()
) -> set[str]:
    found = set()
    for name, info in model.model_fields.items():
        found.add(info.alias or name)
        for inner in models(info.annotation):
            if inner not in seen:
                found |= every_field(inner, seen | {model, inner})
    return found


def test_every_field_has_words_in_both_languages() -> None:
    assert every_field() <= LABELS.keys()
    assert all(len(words) == 2 and all(words) for words in LABELS.values())


def test_rules_are_of_fields_that_there_are() -> None:
    later = ("contacts.authorised.may", "contacts.shared_accounts", "approval", "supervision")
    for field in _RULES:
        if not field.startswith(later):
            assert locate(field.split(".")).kinds, field


# --- what each says, and its direction ------------------------------------------------------------


def columns(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return fields["tables"][0]["columns"]


def test_column_that_leaves_now_is_told_with_who_reads_it() -> None:
    new = {"name": "hiv", "type": "string", "category": "health", "purpose": "Follow-up of care"}
    one = only(lambda f: columns(f).append(new))

    assert (one.direction, one.path) == ("widened", "tables[results].columns[hiv]")
    assert one.sentence.startswith("table results, column hiv: leaves now: ")
    assert "health data (special category, Art. 9)" in one.sentence
    assert "read by “Kalisil SAS”" in one.sentence
    assert (one.before, one.law) == (None, "Art. 5(1)(c) GDPR")


def test_column_that_leaves_no_more() -> None:
    one = only(lambda f: columns(f).pop(10), FRENCH)

    assert one.direction == "narrowed"
    assert one.sentence.startswith("table results, colonne brca1 : ne sort plus : ")
    assert one.after is None


def test_recipient_and_what_more_it_can_read() -> None:
    one = only(lambda f: f["recipients"][1]["categories"].append("health"))

    assert one.direction == "widened"
    assert one.sentence == (
        "recipient “Statlab Inc.”".replace("“Statlab Inc.”", "statlab")
        + ", categories of data: can read now: health data (special category, Art. 9)."
    )


def test_category_with_fewer_readers_is_narrower_and_with_more_is_wider() -> None:
    one = only(lambda f: columns(f)[0].update(category="health"))
    assert one.direction == "narrowed"
    assert "technical data (read by “Kalisil SAS” and “Statlab Inc.”)" in one.sentence
    assert only(lambda f: columns(f)[9].update(category="technical")).direction == "widened"


WIDER: list[tuple[str, Edit]] = [
    ("rows.maximum", lambda f: f["tables"][0]["rows"].update(maximum=50001)),
    ("window.from", lambda f: f["tables"][0]["rows"]["window"].update({"from": "2023-01-01T00:00:00"})),
    ("window.to", lambda f: f["tables"][0]["rows"]["window"].update(to="2026-01-01T00:00:00")),
    ("sites.in", lambda f: f["tables"][0]["rows"]["sites"]["in"].append(3)),
    ("only", lambda f: f["tables"][0]["rows"]["only"].pop()),
    ("transform", lambda f: columns(f)[8].pop("transform")),
    ("transform.to", lambda f: columns(f)[2]["transform"].update(to="month")),
    ("treatment", lambda f: columns(f)[11]["identifiers"].update(treatment="count")),
    ("retention.without", lambda f: f["retention"].update(without_confirmation="P90D")),
    ("contacts.breach_within", lambda f: f["contacts"].update(breach_within="P9D")),
    ("signatures", lambda f: f["controller"].update(signatures=1)),
    ("overprivileged", lambda f: f["security"]["account"].update(overprivileged="warn")),
    ("valid.until", lambda f: f["valid"].update(until="2027-12-31T23:59:30Z")),
    ("suppress.subjects", lambda f: f["suppress"]["subjects"].pop()),
    ("confirmation.by", lambda f: f["reporting"].update(small_counts=1)),
]  # fmt: skip


@pytest.mark.parametrize(("field", "edit"), WIDER, ids=[name for name, _ in WIDER])
def test_what_allows_more_is_wider_and_its_reverse_narrower(field: str, edit: Edit) -> None:
    assert {one.direction for one in changed(edit)} == {"widened"}
    fields = load(EVERYTHING)
    edit(fields)
    new = parse(yaml.safe_dump(fields, allow_unicode=True).encode())
    assert {one.direction for one in differences(new, BASE, FRENCH)} == {"narrowed"}


def test_wider_comes_first_and_tables_before_the_rest() -> None:
    def edit(fields: dict[str, Any]) -> None:
        fields["tables"][0]["rows"]["maximum"] = 10
        fields["subject"] = "Results of two sites that leave the old system"
        fields["valid"]["until"] = "2027-12-31T23:59:30Z"
        fields["retention"]["without_confirmation"] = "P90D"

    found = changed(edit, FRENCH)

    assert [one.direction for one in found] == ["widened", "widened", "changed", "narrowed"]
    assert [one.path.partition(".")[0] for one in found][:2] == ["retention", "valid"]
    text = list(lines(found, FRENCH))
    assert text[0] == "ÉLARGI : davantage sort, est lu, est conservé ou est permis (2)"
    assert text[1] == (
        "  - durée de conservation, suppression au plus tard : était 14 jours, est maintenant 90 jours. "
        "(Art. 28(3)(g) GDPR)"
    )


def test_no_suppressed_person_is_named() -> None:
    one = only(lambda f: f["suppress"]["subjects"].append("5" * 64))

    assert one.sentence == "suppress list, suppressed persons: suppressed now: 1 entry."


def test_what_is_written_there_cannot_make_another_line() -> None:
    hostile = "Results\n  - forged line \x1b[31m of two sites that leave"
    found = changed(lambda f: f.update(subject=hostile))

    assert len(list(lines(found, ENGLISH))) == 2
    assert not any("\x1b" in line for line in lines(found, ENGLISH))


# --- the command ----------------------------------------------------------------------------------


def test_command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = world.instruct()
    new = tmp_path / "new.yaml"
    fields = yaml.safe_load(old.read_bytes())
    fields["retention"]["without_confirmation"] = "P30D"
    new.write_text(yaml.safe_dump(fields, allow_unicode=True))

    assert main(["instruction", "diff", str(old), str(new), "--language", "fr"]) == 0
    assert "était 7 jours, est maintenant 30 jours" in capsys.readouterr().out
    assert main(["instruction", "diff", str(old), str(new), "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)["differences"]
    assert one["direction"] == "widened"
    assert (one["before"], one["after"]) == ("7 days", "30 days")
    assert main(["instruction", "diff", str(old), str(tmp_path / "none.yaml")]) == 2
