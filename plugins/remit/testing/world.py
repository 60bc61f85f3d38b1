"""A whole small world in one folder: laboratory, controller, processor and target, ready to run.

For tests and trials. Everything in it is real but the people: keys, signatures, databases, files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from remit import signing
from remit.custody import Deployment, Run
from remit.instruction import read_signed
from remit.people import Identity
from remit.ports import Judge, LandingZone, Source
from remit.testing.controller import Controller, Edit, Parties
from remit.testing.laboratory import Laboratory
from remit.testing.target import Target
from remit.wiring import Settings, open_deployment, open_judge, open_landing, open_source


def by(person: str) -> Identity:
    """Somebody who acts on the command line, where the instruction gives the person no account."""
    return Identity("tester", "command-line", person=person)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.moment

    def advance(self, **how_long: float) -> None:
        """Move on by a `timedelta` of these arguments."""
        self.moment += timedelta(**how_long)


@dataclass
class World:
    """The parties and their places below `root`.

    Attributes:
        key_store: the URI of the store of staging keys; empty for the default one.
        landing_spec: the landing zone, where it is not the folder below `root`.
    """

    root: Path
    patients: int = 120
    source_url: str = ""
    key_store: str = ""
    landing_spec: str = ""
    clock: Clock = field(default_factory=Clock)
    laboratory: Laboratory = field(init=False)
    target: Target = field(init=False)
    controller: Controller = field(init=False)
    parties: Parties = field(init=False)

    def __post_init__(self) -> None:
        self.laboratory = Laboratory(patients=self.patients)
        if not self.source_url:
            path = self.root / "lis.sqlite"
            if not path.exists():
                self.laboratory.write_sqlite(path)
            self.source_url = f"sqlite:///{path}"
        keys = self.root / "processor" / "keys"
        keys.mkdir(parents=True, mode=0o700)
        processor = signing.new_key("signing", keys / "processor.pem")
        self.target = Target(self.root / "target")
        self.parties = Parties(processor=str(processor), **self.target.init())
        self.controller = Controller(self.settings.include, self.root / "controller")

    @property
    def environment(self) -> dict[str, str]:
        """What a `remit` process of the processor needs."""
        return {
            "REMIT_HOME": str(self.root / "processor"),
            "REMIT_INCLUDE": str(self.root / "include"),
            "REMIT_KEYS": self.key_store,
        }

    @property
    def settings(self) -> Settings:
        """The processor's settings."""
        return Settings.from_environment(self.environment)

    @property
    def landing_path(self) -> Path:
        """The landing zone."""
        return self.root / "landing"

    def deployment(self) -> Deployment:
        """The processor's deployment, on this world's clock."""
        return open_deployment(self.settings, now=self.clock)

    def source(self) -> Source:
        """The laboratory's database."""
        return open_source(self.source_url)

    def landing(self, _: str = "") -> LandingZone:
        """The landing zone's adapter."""
        return open_landing(self.landing_spec or str(self.landing_path))

    def instruct(self, edit: Edit | None = None) -> Path:
        """The signed instruction, in the include folder."""
        return self.controller.instruct(self.parties, edit=edit)

    def open_run(self, run: str = "durand-test", edit: Edit | None = None, by: str = "test") -> Run:
        """A run, opened by a principal and not yet planned."""
        opened = Run(run, self.deployment(), by)
        envelope = read_signed(self.instruct(edit))
        opened.open(envelope, self.source().label, self.landing_spec or str(self.landing_path))
        return opened

    def steps(self, run: Run, judge: Judge | None = None) -> dict[str, Callable[[], object]]:
        """Every step of a run up to its delivery, by name, in order."""
        judge = judge or open_judge()
        return {
            "plan": lambda: run.plan(self.source(), self.landing(), judge),
            "extract": lambda: run.extract(self.source(), lambda _table, _rows: None),
            "validate": lambda: run.validate(judge),
            "seal": run.seal,
            "deliver": lambda: run.deliver(self.landing()),
        }

    def deliver(self, run: Run, judge: Judge | None = None) -> Path:
        """Take a run up to its delivery, and give the delivery's folder."""
        for step in self.steps(run, judge).values():
            step()
        return self.landing_path / run.id

    def ingest(self, run: Run) -> None:
        """Have the target load the delivery and write its receipt."""
        self.target.ingest(self.landing_path / run.id, self.settings.trust())
