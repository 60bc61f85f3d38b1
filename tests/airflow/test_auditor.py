"""The ten questions of docs/auditor.md, answered by the pages alone; and that the pages named are there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.flow.alerting import Contented, supervised

from remit import canonical
from remit.alerts.desk import Desk
from remit.alerts.projection import alerts_in
from remit.alerts.supervise import supervise
from remit.approve import Answer, Origin
from remit.bundle import verify_bundle
from remit.custody import Run, sweep
from remit.errors import Refused
from remit.evidence import timestamp
from remit.instruction import parse
from remit.people import Identity
from remit.reviewer.words import LANGUAGES
from remit.testing.channels import Postbox
from remit.testing.controller import ALICE, BRUNO
from remit.testing.world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
PLACE = re.compile(r"`/remit(/[^`#]*)#([\w-]+)`")
CLICKS = 3
WHY = "The step was started by hand; the vendor knows"
RUN = "durand-gone"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """Hours ago a refusal; since then a run that is gone, one held, one that waits; and an orphan."""
    root = tmp_path_factory.mktemp("audited")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    world.clock.advance(hours=-8)
    warned(world)
    whole_way(world)
    held = opened(world, "durand-held")
    world.deliver(held, Contented())
    held.hold(Identity("alice", "airflow"), "A complaint is looked into", later(world))
    world.deliver(opened(world, "durand-waiting"), Contented())
    left_over(world)
    return world


def warned(world: World) -> None:
    """An alert, which climbs for eight hours and is acknowledged then."""
    with suppress(Refused):
        opened(world, "durand-refused").seal()
    for hours in (0, 2, 6):
        world.clock.advance(hours=hours)
        supervise(world.deployment(), [Postbox()], "os:service", timedelta(minutes=5))
    [alert] = of_kind(world, "refusal")
    Desk(world.deployment(), "test").acknowledge(alert.id, Identity("alice", "airflow"), WHY)


def left_over(world: World) -> None:
    """A file that nobody recorded, found by a sweep."""
    copy = world.root / "processor" / "staging" / "helene-dupont"
    copy.mkdir()
    (copy / "all.csv").write_text("nom;nir\n")
    world.clock.advance(minutes=1)
    sweep(world.deployment(), "test", world.landing)
    supervise(world.deployment(), [Postbox()], "os:service", timedelta(minutes=5))


def whole_way(world: World) -> None:
    """A run that somebody approved, the target confirmed, and whose copies are gone."""
    run = opened(world, RUN, approval={"within": "PT24H"})
    steps = world.steps(run, Contented())
    for step in ("plan", "extract", "validate", "seal"):
        steps[step]()
    question = run.ask(Origin(("dora",), "tom"), "airflow:known_migration/manual__1/approve/1")
    assert question is not None
    run.take_answer(question, Answer("alice", "alice", (question.approval,), world.clock()))
    steps["deliver"]()
    world.ingest(run)
    run.confirm(world.landing())
    run.delete(world.landing)


def opened(world: World, run: str, **more: Any) -> Run:
    def asking(fields: dict[str, Any]) -> None:
        supervised(fields)
        fields["id"] = run
        fields["valid"]["from"] = timestamp(world.clock() - timedelta(days=1))
        fields["contacts"]["authorised"] = [ALICE, BRUNO]
        fields |= more

    return world.open_run(run, asking, f"airflow:known_migration/{run}")


def later(world: World) -> Any:
    return world.clock() + timedelta(days=3)


def of_kind(world: World, kind: str) -> list[Any]:
    found = alerts_in(world.deployment().log.ledger, world.clock())
    return [alert for alert in found if alert.kind == kind]


@pytest.fixture
def shown(audited: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in audited.environment.items():
        monkeypatch.setenv(name, value)
    return audited


class Auditor:
    """Somebody with a browser: begins at the overview, and follows what is linked there."""

    def __init__(self, browser: Any, language: str = "en") -> None:
        self._browser, self.clicks, self.places = browser, 0, set[tuple[str, str]]()
        self.path, self.page = "", ""
        self._load(f"/remit/overview?language={language}")

    def follow(self, address: str) -> Auditor:
        """Click on the link to `address`, which must be on the page."""
        assert f'href="{address}"' in self.page.replace("&amp;", "&"), f"no link to {address}"
        self.clicks += 1
        self._load(address)
        return self

    def _load(self, address: str) -> None:
        answer = self._browser.get(address)
        assert answer.status_code == 200, address
        self.path, self.page = address.removeprefix("/remit").partition("?")[0], answer.text

    def section(self, name: str) -> str:
        """What is to be read in a section, its heading first."""
        assert f'id="{name}"' in self.page, f"{self.path} has no section {name}"
        self.places.add((self.path, name))
        text = self.page.partition(f'id="{name}"')[2].partition(">")[2].partition("</section>")[0]
        return plain(text)

    def download(self, address: str) -> bytes:
        assert f'href="{address}"' in self.page, f"no link to {address}"
        return bytes(self._browser.get(address).content)


def plain(text: str) -> str:
    text = re.sub(r"</?(?:span|code|time|strong|q)\b[^>]*>", "", text)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))).strip()


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
