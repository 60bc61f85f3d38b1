"""Whole runs as they are told, word by word, in both languages; and their summaries and timelines.

What differs from run to run is masked: times, digests, sizes, the folder; SQL is left out. After a
change that is meant, write the files anew with WRITE_STORIES=1 and read the difference.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit.cli.show import story_fields, story_text
from remit.custody import Story
from remit.errors import Refused
from remit.evidence import Record, timestamp
from remit.narrative import Language
from remit.narrative.summary import summary
from remit.narrative.timeline import timeline
from remit.plan.shown import plan_lines
from remit.ports import Rule, Verdict
from remit.testing.world import World, by

STORIES = Path(__file__).parent / "stories"
MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|janvier|"
    "février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
)
MASKS = (
    (rf"\b\d{{1,2}}(er)? ({MONTHS}) \d{{4}}(,| à) \d\d:\d\d(:\d\d)?", "TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"\b[0-9a-f]{16}…", "DIGEST…"),
    (r"\d{1,3}([, ]\d{3})*(?= (bytes|octets))", "SIZE"),
)


class Judge:
    """Finds what it is told to find of one rule; the others hold."""

    engine = "a test's judge, of nothing"

    def __init__(self, **found: Any) -> None:
        self._found = found

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        found = {"unit-present": self._found or {"success": True}}
        return [
            Verdict(rule.id, rule.type, ("unit",), **found.get(rule.id, {"success": True}))
            for rule in rules
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    root = tmp_path_factory.mktemp("stories")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    world.landing_path.mkdir()
    return world


@pytest.fixture(scope="module")
def confirmed(world: World) -> Iterator[Story]:
    """Refused once, then delivered, held, confirmed and deleted."""
    world.landing_path.chmod(0o777)
    run = world.open_run("durand-1")
    with pytest.raises(Refused):
        world.deliver(run, Judge())
    world.landing_path.chmod(0o750)
    world.deliver(run, Judge())
    run.hold(by("Camille Moreau"), "audit du 12 mars", world.clock() + timedelta(minutes=2))
    world.ingest(run)
    run.confirm(world.landing())
    world.clock.advance(minutes=3)
    run.delete(world.landing)
    return run.story


@pytest.fixture(scope="module")
def stopped(world: World, confirmed: Story) -> Story:
    """Ended by a rule that does not hold."""
    run = world.open_run("durand-2")
    with pytest.raises(Refused):
        world.deliver(run, Judge(success=False, elements=72, unexpected=3))
    return run.story


def masked(story: Story, world: World, language: str) -> str:
    """The story as the command line tells it, but for what no two runs have in common."""
    fields = story_fields(story, world.clock(), language)
    for told, record in zip(fields["records"], story.records, strict=True):
        if "planned" in record.kind:
            lines = plan_lines(record.data["plan"], language)
            told["text"] = [line.text for line in lines if line.text and line.meaning != "sql"]
    text = story_text(fields).replace(str(world.root), "/ROOT")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    # Where a line ends depends on the folder's name.
    return re.sub(r"(?<=\S)\n {8,12}(?=[a-zé«:(/])(?!way out|que faire)", " ", text) + "\n"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", ["confirmed", "stopped"])
def test_a_whole_run_is_told_in_these_words(request, world, name, language) -> None:
    told = masked(request.getfixturevalue(name), world, language)
    file = STORIES / f"{name}.{language}.txt"
    if os.environ.get("WRITE_STORIES"):
        file.write_text(told, "utf-8")

    assert told == file.read_text("utf-8")


def test_no_english_is_left_in_a_french_story(confirmed, stopped, world, english_in) -> None:
    for story in (confirmed, stopped):
        assert english_in(masked(story, world, "fr").splitlines()) == set()


# --- summary --------------------------------------------------------------------------------------


def told(story: Story, upto: int, now: datetime, language: str = "en") -> str:
    """The summary of a run's first records."""
    part = Story(story.run, story.records[:upto])
    return summary(part.records, part.obligation(), now, language)


def place(story: Story, kind: str) -> int:
    """How many records there are up to the first of a kind."""
    return [record.kind for record in story.records].index(kind) + 1


@pytest.mark.parametrize(
    ("kind", "english", "french"),
    [
        (
            "opened",
            "Nothing has been delivered. There is no copy to delete.",
            "Rien n'a été livré.",
        ),
        (
            "refused",
            "Refused by the rule landing-open.",
            "Refusé par la règle landing-open (zone de dépôt ouverte à tous en écriture).",
        ),
        (
            "obliged",
            "Nothing has been delivered. The copies are deleted on ",
            "seront supprimées le",
        ),
        ("extracted", " rows; nothing has been delivered.", " ; rien n'a été livré."),
        (
            "delivering",
            "was begun, and is not recorded as ended",
            "sans que sa fin soit enregistrée",
        ),
        ("delivered", "The target has not confirmed it.", "Le destinataire ne l'a pas confirmé."),
        ("held", "the deletion is suspended until", "la suppression est suspendue jusqu'au"),
        ("confirmed", "by kalisil-import (level L3)", "par kalisil-import (niveau L3)"),
    ],
)
def test_the_summary_says_how_far_the_run_is(confirmed, kind, english, french, english_in) -> None:
    upto = place(confirmed, kind)
    now = datetime.fromisoformat(confirmed.records[upto - 1].at)

    assert english in told(confirmed, upto, now)
    assert french in told(confirmed, upto, now, "fr")
    assert english_in([told(confirmed, upto, now, "fr")]) == set()


def test_the_summary_says_what_is_overdue(confirmed) -> None:
    upto = place(confirmed, "delivered")
    later = datetime.fromisoformat(confirmed.records[0].at) + timedelta(days=60)

    assert "The copies are NOT deleted; that is due since " in told(confirmed, upto, later)
    assert "Les copies ne sont PAS supprimées" in told(confirmed, upto, later, "fr")


def test_the_summary_of_a_run_without_an_instruction(confirmed) -> None:
    [refused] = [record for record in confirmed.records if record.kind == "refused"]
    now = datetime.now(UTC)

    assert summary([], None, now) == "No instruction was accepted."
    assert summary([refused], None, now, "fr") == (
        "Aucune instruction n'a été acceptée. Refusé par la règle landing-open (zone de dépôt ouverte "
        "à tous en écriture)."
    )


# --- timeline -------------------------------------------------------------------------------------


def minutes(story: Story, shown: Any) -> list[tuple[str, int, int | None, bool]]:
    """Each phase with the minutes since the run was opened."""
    began = datetime.fromisoformat(story.records[0].at)

    def since(moment: datetime | None) -> int | None:
        return None if moment is None else round((moment - began).total_seconds() / 60)

    return [(one.name, since(one.start), since(one.end), one.future) for one in shown]


def test_events_are_the_records_with_their_time_and_how_grave_they_are(confirmed) -> None:
    shown = timeline(confirmed.records, confirmed.obligation(), datetime.now(UTC), "fr")
    graves = {event.kind: event.severity for event in shown.events}

    assert [event.seq for event in shown.events] == [record.seq for record in confirmed.records]
    assert {event.by for event in shown.events} == {"test"}
    assert [event.seconds for event in shown.events][:: len(shown.events) - 1] == [0, 180]
    assert (graves["refused"], graves["held"], graves["deleted"]) == ("problem", "warning", "info")
    assert {e.kind: e.title for e in shown.events}["deleted"] == "Supprimé"


def test_phases_of_a_run_that_is_over_have_no_gap_and_nothing_to_come(confirmed, world) -> None:
    shown = timeline(confirmed.records, confirmed.obligation(), world.clock())

    assert minutes(confirmed, shown.phases) == [
        ("held", 0, 2, False),  # all before took no time by this clock
        ("due", 2, 3, False),
        ("deleted", 3, None, False),
    ]
    assert [mark.name for mark in shown.marks] == ["due", "held-until", "maximum-age"]
    assert [mark.future for mark in shown.marks] == [False, False, True]


def made_up(*steps: tuple[int, str, dict[str, Any]]) -> Story:
    """A run that did these things, each so many minutes after its opening."""
    return Story(
        "r",
        [
            Record(n, "r", n, kind, timestamp(at(minute)), "me", data)
            for n, (minute, kind, data) in enumerate(steps)
        ],
    )


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=minute)


def due(minute: int) -> dict[str, str]:
    return {"due": timestamp(at(minute)), "reason": "x"}


HELD = {"until": timestamp(at(200)), "person": "Camille Moreau", "reason": "an audit"}
CONFIRMED = due(50) | {
    "way": "bulk_submit", "level": "L2", "rows": 7, "principal": "kalisil", "late": False,
}  # fmt: skip

WORKING = ((0, "opened", {}), (5, "obliged", due(100)))


@pytest.mark.parametrize(
    ("steps", "now", "expected"),
    [
        (WORKING[:1], 9, [("waiting", 0, None, False)]),
        (
            WORKING,
            9,
            [("waiting", 0, 5, False), ("working", 5, 100, False), ("due", 100, None, True)],
        ),
        (
            (*WORKING, (20, "delivered", {}), (30, "confirmed", CONFIRMED)),
            40,
            [
                ("waiting", 0, 5, False),
                ("working", 5, 20, False),
                ("delivered", 20, 50, False),
                ("due", 50, None, True),
            ],
        ),
        (
            (*WORKING, (20, "delivered", {}), (30, "held", HELD)),
            110,
            [
                ("waiting", 0, 5, False),
                ("working", 5, 20, False),
                ("delivered", 20, 100, False),
                ("held", 100, 200, False),
                ("due", 200, None, True),
            ],
        ),
        (
            (*WORKING, (20, "stopped", due(20)), (21, "undeleted", {"why": "x"})),
            40,
            [("waiting", 0, 5, False), ("working", 5, 20, False), ("due", 20, None, False)],
        ),
        (
            (*WORKING, (20, "stopped", due(20)), (20, "dump-kept", {"until": "x"})),
            40,
            [
                ("waiting", 0, 5, False),
                ("working", 5, 20, False),
                ("ended", 20, 100, False),
                ("due", 100, None, True),
            ],
        ),
    ],
)
def test_phases_of_a_run_under_way_include_what_is_to_come(steps, now, expected) -> None:
    story = made_up(*steps)
    shown = timeline(story.records, story.obligation(), at(now))

    assert minutes(story, shown.phases) == expected


def test_marks_of_a_run_under_way_are_in_the_future() -> None:
    story = made_up(*WORKING, (20, "delivered", {}), (30, "confirmed", CONFIRMED))
    shown = timeline(story.records, story.obligation(), at(40), "fr")

    assert [(mark.name, mark.at, mark.future) for mark in shown.marks] == [
        ("due", at(50), True),
        ("maximum-age", at(100), True),
    ]
    assert shown.marks[1].title == "Durée maximale de conservation"


def test_a_run_without_records_has_no_time() -> None:
    shown = timeline([], None, at(0))

    assert (shown.events, shown.phases, shown.marks) == ((), (), ())
