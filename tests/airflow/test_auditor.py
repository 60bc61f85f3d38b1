"""The ten questions of docs/auditor.md, answered by the pages alone; and that the pages named are there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.airflow.auditing import RUN, WHY, Auditor, make_audited, of_kind, plain

from remit import canonical
from remit.bundle import verify_bundle
from remit.custody import Run
from remit.evidence import timestamp
from remit.instruction import parse
from remit.reviewer.words import LANGUAGES
from remit.testing.world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLACE = re.compile(r"`/remit(/[^`#]*)#([\w-]+)`")
CLICKS = 3


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    return make_audited(tmp_path_factory.mktemp("audited"), laboratory_file)


@pytest.fixture
def shown(audited: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in audited.environment.items():
        monkeypatch.setenv(name, value)
    return audited


def at(moment: str) -> str:
    """A moment as pages have it."""
    return moment.replace("T", " ").replace("Z", " UTC")


def story_of(world: World, run: str = RUN) -> Any:
    return Run(run, world.deployment(), "test").story


def run_page(auditor: Auditor, run: str = RUN) -> Auditor:
    return auditor.follow("/remit/runs").follow(f"/remit/runs/{run}")


# --- the questions --------------------------------------------------------------------------------


def what_left(auditor: Auditor, world: World) -> None:
    said = story_of(world).last("opened")
    text = run_page(auditor).section("asked")
    for value in (
        said["controller"],
        said["purpose"],
        said["instruction"]["digest"],
        said["landing"],
    ):
        assert value in text
    assert f"airflow:known_migration/{RUN}" in text
    signed = auditor.download(f"/remit/runs/{RUN}/files/instruction.yaml")
    assert canonical.sha256(signed) == said["instruction"]["digest"]


def anything_beyond(auditor: Auditor, world: World) -> None:
    text = run_page(auditor).section("scope")
    terms = parse(auditor.download(f"/remit/runs/{RUN}/files/instruction.yaml"))
    for table in story_of(world).last("planned")["plan"]["tables"]:
        said = text.partition(table["name"])[2]
        assert f"{table['rows_in_scope']} of {table['rows_total']}" in said
        assert f"Rows extracted {table['rows_in_scope']} " in said
        assert all(column in said for column in table["withheld"])
    for asked in terms.tables:
        assert f"Columns of {asked.name} that are allowed: {len(asked.columns)} " in text
        assert all(column.name in text for column in asked.columns)


def who_approved(auditor: Auditor, world: World) -> None:
    story = story_of(world)
    text = run_page(auditor).section("approval")
    assert all(one["name"] in text for one in story.last("asked")["assigned"])
    who = story.last("approved")["identity"]
    assert f"{who['name']} ({who['account']}, {who['email']})" in text
    assert at(story.last("approved")["answered_at"]) in text


def who_could_read(auditor: Auditor, world: World) -> None:
    story = story_of(world)
    columns = run_page(auditor).section("scope")
    readers = {
        name
        for t in story.last("planned")["plan"]["tables"]
        for c in t["columns"]
        for name in c["recipients"]
    }
    assert readers == {one["name"] for one in story.last("opened")["recipients"]}
    assert all(name in columns for name in readers)
    told = auditor.section("story")
    assert "taging key" in told
    assert "destroyed" in told


def confirmed(auditor: Auditor, world: World) -> None:
    said = story_of(world).last("confirmed")
    text = run_page(auditor).section("receipt")
    assert f"level {said['level']} · {said['principal']}" in text
    assert str(said["rows"]) in text
    assert "How that is known The target's receipt" in text
    assert "decryption proven" in text
    receipt = auditor.download(f"/remit/runs/{RUN}/files/receipt.dsse.json")
    assert receipt.decode() == said["receipt"]


def still_there(auditor: Auditor, world: World) -> None:
    auditor.follow("/remit/erasures")
    assert "durand" not in auditor.section("overdue")
    held, waiting = auditor.section("held"), auditor.section("pending")
    hold = story_of(world, "durand-held").last("held")
    for value in ("durand-held", at(hold["until"]), "Alice Martin: A complaint is looked into"):
        assert value in held
    due = story_of(world, "durand-waiting").last("obliged")["due"]
    assert "durand-waiting" in waiting
    assert at(due) in waiting
    assert RUN not in held + waiting


def what_was_deleted(auditor: Auditor, world: World) -> None:
    said = story_of(world).last("deleted")
    listed = auditor.follow("/remit/erasures").section("gone")
    digest = canonical.sha256(said["certificate"].encode()).removeprefix("sha256:")
    assert f"{said['copies']} " in listed
    assert digest[:12] in listed
    text = auditor.follow(f"/remit/runs/{RUN}").section("deletion")
    assert f"{said['copies']} copies removed and looked for again: gone" in text
    given = auditor.download(f"/remit/runs/{RUN}/files/certificate.dsse.json")
    assert canonical.sha256(given).removeprefix("sha256:") == digest


def what_went_wrong(auditor: Auditor, world: World) -> None:
    assert "nobody recorded" in auditor.section("alerts")
    [alert] = of_kind(world, "refusal")
    text = auditor.follow("/remit/alerts").follow(f"/remit/alerts/{alert.id}").section("course")
    assert f"Owner: {alert.chain[0].name}" in text
    assert len(alert.told) == len(alert.chain) == 3
    for told in alert.told:
        assert told.person in text
        assert at(timestamp(told.at)) in text
    assert "Alice Martin" in text
    assert WHY in text


def nobody_recorded(auditor: Auditor, world: World) -> None:
    text = auditor.follow("/remit/orphans").section("there")
    [found] = [r.data["found"] for r in world.deployment().log.records() if r.kind == "orphans"]
    for one in found:
        assert one["place"] in text
        assert one["name"] in text
    assert "dupont" not in text


def without_trust(auditor: Auditor, world: World) -> None:
    checks = run_page(auditor).section("checks")
    assert "sha256sum" in checks
    bundle = auditor.download(f"/remit/runs/{RUN}/bundle")
    assert verify_bundle(bundle, world.settings.trust()).run == RUN
    auditor.follow(f"/remit/verify?run={RUN}").section("found")
    again = auditor.__class__(auditor._browser)
    size, _ = world.deployment().log.ledger.state()
    assert f"{size}" in again.follow("/remit/evidence").section("state")
    auditor.places |= again.places


ASKED: dict[int, Callable[[Auditor, World], None]] = dict(
    enumerate(
        (
            what_left, anything_beyond, who_approved, who_could_read, confirmed, still_there,
            what_was_deleted, what_went_wrong, nobody_recorded, without_trust,
        ),
        1,
    )
)  # fmt: skip


def questions() -> dict[int, str]:
    """The text below each question of the page."""
    parts = re.split(r"^## (\d+)\. ", (DOCS / "auditor.md").read_text(), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def general(path: str) -> str:
    return re.sub(r"^/alerts/\w+$", "/alerts/ID", re.sub(r"^/runs/[\w-]+$", "/runs/RUN", path))


@pytest.mark.parametrize("number", ASKED)
def test_question_is_answered_where_the_page_says(
    logged_in: Callable[..., Any], shown: World, number: int
) -> None:
    auditor = Auditor(logged_in("vera"))

    ASKED[number](auditor, shown)

    assert auditor.clicks <= CLICKS
    named = set(PLACE.findall(questions()[number]))
    assert named == {(general(path), section) for path, section in auditor.places}


def test_there_are_ten() -> None:
    assert list(questions()) == list(ASKED) == list(range(1, 11))


def concrete(path: str, world: World) -> str:
    [alert] = of_kind(world, "refusal")
    path = path.replace("RUN", RUN).replace("ID", alert.id)
    return path + (f"?run={RUN}" if path in ("/verify", "/breach") else "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_those_of_the_pages(
    logged_in: Callable[..., Any], shown: World, language: str
) -> None:
    browser = logged_in("vera")
    lines = re.findall(
        r"^- `/remit(/[^`#]*)#([\w-]+)` \*\*(.+)\*\* / \*\*(.+)\*\*$",
        (DOCS / "auditor.md").read_text(),
        re.MULTILINE,
    )
    assert len(lines) == sum(len(PLACE.findall(text)) for text in questions().values())
    for path, section, *headings in lines:
        address = concrete(path, shown)
        text = browser.get(
            f"/remit{address}{'&' if '?' in address else '?'}language={language}"
        ).text
        heading = plain(
            text.partition(f'id="{section}"')[2].partition(">")[2].partition("</h2>")[0]
        )
        assert heading.startswith(headings[LANGUAGES.index(language)]), (path, section)


def test_every_place_that_the_precedents_name_is_on_its_page(
    logged_in: Callable[..., Any], shown: World
) -> None:
    browser = logged_in("vera")
    places = set(PLACE.findall((DOCS / "precedents.md").read_text()))
    assert places
    for path, section in places:
        answer = browser.get(f"/remit{concrete(path, shown)}")
        assert answer.status_code == 200, path
        assert f'id="{section}"' in answer.text, (path, section)
