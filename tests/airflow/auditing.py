"""What an auditor finds, and an auditor who reads the pages and nothing else."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

from tests.flow.alerting import Contented, supervised

from remit.alerts.desk import Desk
from remit.alerts.projection import alerts_in
from remit.alerts.supervise import supervise
from remit.approve import Answer, Origin
from remit.custody import Run, sweep
from remit.errors import Refused
from remit.evidence import timestamp
from remit.people import Identity
from remit.testing.channels import Postbox
from remit.testing.controller import ALICE, BRUNO
from remit.testing.world import World

WHY = "The step was started by hand; the vendor knows"
RUN = "durand-gone"


def make_audited(root: Path, laboratory_file: Path) -> World:
    """Hours ago a refusal; since then a run that is gone, one held, one that waits; and an orphan."""
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
