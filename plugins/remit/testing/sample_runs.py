"""Runs in every state that there is, made in a demo's folder without Airflow, to look at.

Each has an instruction of its own, a copy of the demo's. What is in them is real: keys, files, records;
only the clock that made them was turned back, so that something is overdue.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from remit.custody import Run
from remit.errors import Refused
from remit.evidence import timestamp
from remit.instruction import digest_of, read_signed
from remit.ports import Judge
from remit.testing.controller import Edit, four_eyes
from remit.testing.demo_home import DemoHome
from remit.testing.target import Target
from remit.testing.world import by
from remit.wiring import Settings, open_deployment, open_judge, open_landing, open_source

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'{{7*7}}"
"""A name that is markup, a template, and turns the text after it around."""


def with_accounts(fields: dict[str, Any]) -> None:
    """Name persons with accounts of the demo's Airflow, Alice and Bruno, but ask for no approval."""
    four_eyes(fields)
    del fields["approval"]


class SampleRuns:
    """Makes runs in a home whose laboratory, keys and instruction are there."""

    def __init__(self, home: DemoHome) -> None:
        self._home = home
        self._now = datetime.now(UTC)
        self._judge: Judge = open_judge()
        self._settings = Settings.from_environment(home.environment)
        self._source = open_source(f"sqlite:///{home.laboratory / 'lis.sqlite'}")

    def make(self) -> None:
        """The oldest first, as the evidence has it."""
        for make in (self.overdue, self.held, self.waiting, self.finished, self.planned):
            make()
        self.refused()

    def overdue(self) -> Run:
        """Never confirmed, to be deleted since the day before yesterday; its zone is not mounted."""
        run = self._delivered("sample-overdue", self._zone("landing-of-old"), days_ago=9)
        self._zone("landing-of-old").rename(self._home.root / "landing-of-old.unmounted")
        return run

    def held(self) -> Run:
        """Delivered, and its deletion suspended in the name of a person."""
        run = self._delivered("sample-held", self._zone("landing-elsewhere"), days_ago=3)
        until = self._now + timedelta(days=20)
        run.hold(by("Camille Moreau"), "A patient's complaint is being looked into", until)
        return run

    def waiting(self) -> Run:
        """Delivered where nobody fetches it yet."""
        return self._delivered("sample-waiting", self._zone("landing-elsewhere"), days_ago=1)

    def finished(self) -> Run:
        """Delivered, confirmed by the target, and every copy deleted."""
        run = self._delivered("sample-finished", self._home.landing)
        Target(self._home.target).ingest(self._home.landing / run.id, self._settings.trust())
        run.confirm(open_landing(str(self._home.landing)))
        run.delete(open_landing)
        return run

    def planned(self) -> Run:
        """Planned and no further, under the version that supersedes the finished run's."""
        first = digest_of((self._home.include / "instructions/sample-finished.yaml").read_bytes())

        def amend(fields: dict[str, Any]) -> None:
            fields |= {"id": "sample-finished", "version": 2}
            fields["supersedes"] = {"version": 1, "digest": first}
            fields["retention"]["without_confirmation"] = "P5D"
            del fields["tables"][0]["columns"][5]

        run = self._opened("sample-planned", self._home.landing, 0, amend)
        run.plan(self._source, open_landing(str(self._home.landing)), self._judge)
        return run

    def refused(self, name: str = "sample-refused", edit: Edit | None = None) -> Run:
        """Refused by the plan, for a column that the source does not have."""

        def asking(fields: dict[str, Any]) -> None:
            fields["tables"][0]["columns"][2]["name"] = "site_kode"
            if edit is not None:
                edit(fields)

        run = self._opened(name, self._home.landing, 0, asking)
        try:
            run.plan(self._source, open_landing(str(self._home.landing)), self._judge)
        except Refused:
            return run
        raise AssertionError("the plan was to be refused")

    def hostile(self) -> Run:
        """Refused, with a hostile text wherever an instruction takes a free one."""

        def naming(fields: dict[str, Any]) -> None:
            fields["controller"]["legal_name"] = fields["purpose"] = HOSTILE
            fields["processor"]["contract"] = fields["recipients"][0]["legal_name"] = HOSTILE
            fields["contacts"]["authorised"][-1]["name"] = HOSTILE
            fields["tables"][0]["rows"]["sites"]["in"].append(HOSTILE)
            fields["tables"][0]["columns"][3]["purpose"] = HOSTILE

        return self.refused("sample-hostile", naming)

    def _delivered(self, name: str, landing: Path, days_ago: float = 0) -> Run:
        run, zone = self._opened(name, landing, days_ago), open_landing(str(landing))
        steps: list[Callable[[], object]] = [
            lambda: run.plan(self._source, zone, self._judge),
            lambda: run.extract(self._source, lambda _table, _rows: None),
            lambda: run.validate(self._judge),
            run.seal,
            lambda: run.deliver(zone),
        ]
        for step in steps:
            step()
        return run

    def _opened(self, name: str, landing: Path, days_ago: float, edit: Edit | None = None) -> Run:
        then = self._now - timedelta(days=days_ago)
        deployment = open_deployment(self._settings, now=lambda: then)
        run = Run(name, deployment, "os:sample")
        envelope = read_signed(self._instruction(name, then, edit))
        run.open(envelope, self._source.label, str(landing))
        return run

    def _instruction(self, name: str, then: datetime, edit: Edit | None) -> Path:
        def change(fields: dict[str, Any]) -> None:
            fields["id"] = name
            fields["valid"]["from"] = timestamp(then - timedelta(days=1))
            with_accounts(fields)
            if edit is not None:
                edit(fields)

        return self._home.controller.instruct(self._home.parties, f"{name}.yaml", change)

    def _zone(self, name: str) -> Path:
        path = self._home.root / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path
