"""A patient's own name, NIR, telephone, mail and IBAN in comments: stopped, redacted or counted."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from remit.custody import Run
from remit.errors import Refused
from remit.narrative import tell
from remit.plan import differences
from remit.plan.markdown import plan_markdown
from remit.testing.canaries import find_planted
from remit.testing.world import World

Fields = dict[str, Any]
pytestmark = pytest.mark.slow

LAST, FIRST = "QUINTEFEUILLE-CANARI", "Ézéchielle"
NIR, PHONE, MAIL = "2 92 03 69 123 045 27", "06 39 98 76 54", "canari.q@courriel-prive.example"
IBAN = "FR14 2004 1010 0505 0001 3M02 606"
COMMENTS = {
    f"Mme Quintefeuille Canari rappelée, sécu {NIR}": "Mme [name] rappelée, sécu [nir]",
    f"ÉZÉCHIELLE à joindre au {PHONE} ou {MAIL}": "[name] à joindre au [phone] ou [email]",
    f"remboursement sur {IBAN}, voir ezechielle": "remboursement sur [iban], voir [name]",
}
PLANTED = [
    "Quintefeuille", "QUINTEFEUILLE", "ÉZÉCHIELLE", "Ézéchielle", "ezechielle", NIR, PHONE, MAIL, IBAN,
]  # fmt: skip
FEW = "fewer than 5"
ORDINARY = "Prélèvement hémolysé, à recontrôler"
IN_SCOPE = (
    "result_date >= '2024-01-01' AND result_date < '2025-01-01' AND site_code IN ('LYO1', 'LYO2')"
)


def ask(path: Any, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as database:
        rows = database.execute(sql, values).fetchall()
    database.close()
    return rows


@pytest.fixture
def texts(world: World) -> int:
    """Three comments about one patient among the ordinary ones; how many comments there are."""
    lis = world.root / "lis.sqlite"
    ask(lis, "UPDATE results SET comment = ? WHERE comment IS NOT NULL", ORDINARY)
    chosen = ask(
        lis,
        f"SELECT patient_id FROM results WHERE {IN_SCOPE} GROUP BY 1 ORDER BY count(*) DESC, 1",
    )[0][0]
    ask(
        lis,
        "UPDATE patients SET last_name = ?, first_name = ? WHERE patient_id = ?",
        LAST, FIRST, chosen,
    )  # fmt: skip
    of_patient = f"SELECT result_id FROM results WHERE patient_id = ? AND {IN_SCOPE} ORDER BY 1"
    for comment, (result,) in zip(COMMENTS, ask(lis, of_patient, chosen), strict=False):
        ask(lis, "UPDATE results SET comment = ? WHERE result_id = ?", comment, result)
    [(count,)] = ask(lis, f"SELECT count(comment) FROM results WHERE {IN_SCOPE}")
    return int(count)


def instructing(treatment: str, *kinds: str) -> Callable[[Fields], None]:
    """That comments leave, with the names in `patients` to look for."""

    def edit(fields: Fields) -> None:
        results = fields["tables"][0]
        results["columns"].append(
            {
                "name": "comment", "type": "string", "category": "health", "purpose": "Reading it",
                "free_text": "Without it a haemolysed sample cannot be told from a sound one",
                "identifiers": {"treatment": treatment} | ({"kinds": list(kinds)} if kinds else {}),
            }
        )  # fmt: skip
        if not kinds or "name" in kinds:
            join = [{"column": "patient_id", "to": "patient_id", "type": "uuid"}]
            results["subject_names"] = {
                "columns": ["last_name", "first_name"],
                "through": [{"table": "patients", "join": join}],
            }

    return edit


def received(world: World) -> list[str]:
    return [
        text
        for (text,) in ask(world.target.database, "SELECT comment FROM results")
        if text is not None
    ]


def recorded(run: Run) -> Fields:
    [file] = [f for f in run.story.last("extracted")["files"] if f["table"] == "results"]
    [column] = file["free_text"]
    return dict(column)


def told(run: Run) -> str:
    return "\n".join(
        json.dumps(record.data, ensure_ascii=False) + "\n".join(tell(record))
        for record in run.story.records
    )


def test_what_is_redacted_is_in_nothing_that_was_written(world: World, texts: int) -> None:
    run = world.open_run(edit=instructing("redact"))
    world.deliver(run)
    world.ingest(run)

    left = received(world)
    assert len(left) == texts
    assert sorted(set(left) - {ORDINARY}) == sorted(COMMENTS.values())
    assert find_planted(
        [world.root / "processor", world.landing_path, world.target.database], PLANTED
    ) == []  # fmt: skip
    assert [piece for piece in PLANTED if piece in told(run)] == []
    assert recorded(run) == {
        "column": "comment", "treatment": "redact", "texts": texts, "identifying": FEW,
        "kinds": dict.fromkeys(["nir", "email", "phone", "iban", "name"], FEW), "unchecked": 0,
    }  # fmt: skip
    assert f"comment: direct identifiers in {FEW} of {texts} texts (email in {FEW}, " in told(run)


def test_what_stops_leaves_nothing_and_says_how_many_texts_but_none_of_them(
    world: World, texts: int
) -> None:
    run = world.open_run(edit=instructing("stop"))
    with pytest.raises(Refused) as refused:
        world.deliver(run)

    assert (refused.value.code, refused.value.where) == ("free-text-identifies", "results.comment")
    each = ", ".join(f"{kind} in {FEW}" for kind in ("nir", "email", "phone", "iban", "name"))
    assert f"{FEW} of {texts} texts read so far hold direct identifiers ({each})" in str(
        refused.value
    )
    assert run.story.has("deleted")
    places = [world.root / "processor", world.landing_path]
    assert find_planted([place for place in places if place.exists()], PLANTED) == []
    assert [piece for piece in PLANTED if piece in told(run) + str(refused.value)] == []


def test_what_is_counted_leaves_as_it_is_and_the_evidence_has_numbers_alone(
    world: World, texts: int
) -> None:
    run = world.open_run(edit=instructing("count"))
    world.deliver(run)
    world.ingest(run)

    assert set(COMMENTS) < set(received(world))
    assert recorded(run)["identifying"] == FEW
    assert [piece for piece in PLANTED if piece in told(run)] == []
    assert find_planted([world.root / "processor", world.landing_path], PLANTED) == []
    assert find_planted([world.target.database], PLANTED) != []  # so that none above means none


def test_kinds_that_are_not_asked_for_stay(world: World, texts: int) -> None:
    run = world.open_run(edit=instructing("redact", "nir", "phone"))
    world.deliver(run)
    world.ingest(run)

    left = " ".join(received(world))
    assert NIR not in left
    assert PHONE not in left
    assert MAIL in left
    assert recorded(run)["kinds"] == {"nir": FEW, "phone": FEW}


def test_texts_of_rows_that_lead_to_no_name_are_replaced_as_a_whole(
    world: World, texts: int
) -> None:
    ask(world.root / "lis.sqlite", "UPDATE patients SET last_name = '', first_name = '?'")
    run = world.open_run(edit=instructing("redact"))
    world.deliver(run)
    world.ingest(run)

    assert received(world) == ["[unchecked]"] * texts
    assert recorded(run)["unchecked"] == "5 or more"


def test_plan_says_what_becomes_of_identifiers(world: World, texts: int) -> None:
    run = world.open_run(edit=instructing("redact"))
    world.steps(run)["plan"]()

    plan = run.story.last("planned")["plan"]
    columns = plan["tables"][0]["columns"]
    assert "| kept; free text: direct identifiers replaced |" in plan_markdown(plan)
    before = copy.deepcopy(plan)
    before["tables"][0]["columns"][-1]["identifiers"] = (
        "free text: direct identifiers left, and counted"
    )
    [changed] = differences(before, plan)
    assert changed.what.startswith("identifiers: was free text: direct identifiers left")
    assert columns[-1]["identifiers"] == "free text: direct identifiers replaced"
    assert "free text: direct identifiers replaced" in told(run)
