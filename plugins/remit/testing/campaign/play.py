"""Plays one seed: a run, struck again and again, then left alone until it ends."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO, cast

from remit.custody import Story
from remit.testing.campaign import held
from remit.testing.campaign.driver import BALLAST
from remit.testing.campaign.party import RUN, Party
from remit.testing.campaign.places import Place
from remit.testing.faulty_network import FaultyProxy

STEPS = ["open", "plan", "extract", "validate", "seal", "deliver", "ingest", "confirm", "delete"]
_MAXIMUM_AGE = 8 * 86400.0  # more than the P7D of the instruction
_END = 2 * _MAXIMUM_AGE  # whatever clock the duty was recorded by
_JUMPS = (-86400.0, -3600.0, 3600.0, 86400.0, _MAXIMUM_AGE)
_MOST_MOMENTS = 160
_EXPECTED = ("done", "Unavailable", "UsageError")


@dataclass
class Played:
    """What came of a seed.

    Attributes:
        strikes: the faults, in words. findings: what should not have been; none is what is hoped for.
    """

    seed: int
    kind: str
    strikes: list[str] = field(default_factory=list)
    ended: str = ""
    findings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


class Driver:
    """The process that forks the parties; see `remit.testing.campaign.driver`."""

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "remit.testing.campaign.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path), "HOME": "/nonexistent"},
        )
        self._to = cast(TextIO, self._process.stdin)
        self._from = cast(TextIO, self._process.stdout)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._to.close()
        self._process.wait(timeout=30)
        self._from.close()

    def ask(self, **command: Any) -> list[dict[str, Any]]:
        """One command and its answers."""
        self._to.write(json.dumps(command, default=str) + "\n")
        self._to.flush()
        return list(json.loads(self._from.readline()))


class Play:
    """One seed's run."""

    def __init__(self, seed: int, kind: str, place: Place, driver: Driver) -> None:
        self._chance, self._place, self._driver = random.Random(f"{kind}-{seed}"), place, driver
        self.played = Played(seed, kind)
        self._planted = list(place.world.laboratory.planted())
        place.world.instruct(place.edit)

    def play(self) -> Played:
        """Strike it some times, then let it go on or be forgotten, and end it."""
        for _ in range(self._chance.randint(1, 4)):
            self._disturb()
            self._look()
        if self._chance.random() < 0.6:
            self._told(self._go(self._child(STEPS)))
            self._look()
        self._end()
        return self.played

    # --- one disturbance --------------------------------------------------------------------------

    def _disturb(self) -> None:
        self._chance.choice(self._faults())()

    def _faults(self) -> list[Callable[[], object]]:
        network = self._network_faults(self._place.network) if self._place.network else []
        disk = [self._full] if self._place.small else []
        always = [self._kill, self._kill, self._halt, self._limit, self._jump, self._reorder]
        return [*always, *disk, *network]

    def _kill(self) -> None:
        self._struck("kill")

    def _full(self) -> None:
        self._struck("full")
        (self._place.world.root / BALLAST).unlink(missing_ok=True)

    def _limit(self) -> None:
        self._struck("limit", bytes=self._chance.choice((0, 512, 8192, 65536)))

    def _halt(self) -> None:
        """One is halted, as by a long pause of its machine; another does the same; the first goes on."""
        [first] = self._struck("halt")
        self._told(self._go(self._child(self._steps())))
        if first["fate"] == "halted":
            self._told(self._driver.ask(do="continue", child=first["child"]))

    def _jump(self) -> None:
        ahead = self._chance.choice(_JUMPS)
        self.played.strikes.append(f"clock {ahead:+.0f} s")
        self._told(self._go(self._child(STEPS, ahead=ahead)))

    def _reorder(self) -> None:
        """Two tasks at once, each with the steps in an order of its own, some of them twice."""
        self.played.strikes.append("two at once, in any order")
        both = [self._child(self._chance.choices([*STEPS, "sweep"], k=14)) for _ in range(2)]
        self._told(self._go(*both))

    def _network_faults(self, network: FaultyProxy) -> list[Callable[[], object]]:
        def cut() -> None:
            after = self._chance.choice((0, 200, 2000, 20_000, 100_000))
            self.played.strikes.append(f"network cut after {after} bytes")
            network.cut_after(after)
            self._told(self._go(self._child(STEPS)))
            network.heal()

        def slow() -> None:
            self.played.strikes.append("network slow")
            network.delay(0.01)
            self._struck("kill")
            network.heal()

        def gone() -> None:
            self.played.strikes.append("network gone")
            network.refuse()
            self._told(self._go(self._child(STEPS)))
            network.heal()

        return [cut, cut, slow, gone]

    def _struck(self, what: str, **more: Any) -> list[dict[str, Any]]:
        at = self._chance.randint(1, _MOST_MOMENTS)
        self.played.strikes.append(f"{what} at moment {at}")
        answers = self._go(self._child(self._steps(), strike={"at": at, "what": what, **more}))
        self._told(answers)
        return answers

    def _steps(self) -> list[str]:
        """The steps in order, not always to the last."""
        return STEPS[: self._chance.randint(3, len(STEPS))]

    # --- the end ----------------------------------------------------------------------------------

    def _end(self) -> None:
        """At the maximum age two at once delete what is due, and sweep; then all is looked at."""
        late = self._child(["delete", "sweep"], ahead=_END)
        self._told(self._go(late, late))
        self._told(self._go(late))
        party = self._party()
        self.played.findings += held.at_the_end(party)
        self.played.ended = held.how_it_ended(Story(RUN, party.deployment().log.records(RUN)))

    # --- inside -----------------------------------------------------------------------------------

    def _party(self) -> Party:
        return Party(self._place.world.root, self._place.environment, self._place.landing)

    def _child(self, steps: list[str], ahead: float = 0, strike: Any = None) -> dict[str, Any]:
        return {
            "root": self._place.world.root,
            "environment": self._place.environment,
            "landing": self._place.landing,
            "steps": steps,
            "ahead": ahead,
            "strike": strike,
        }

    def _go(self, *children: dict[str, Any]) -> list[dict[str, Any]]:
        return self._driver.ask(do="go", children=list(children))

    def _told(self, answers: list[dict[str, Any]]) -> None:
        """Refusals and what was unavailable are as it should be; anything else is a finding."""
        for answer in answers:
            if answer["fate"] == "silent":
                self.played.findings.append("a process ended and said nothing")
            for step, outcome in answer.get("told", ()):
                if " " in outcome and outcome not in _EXPECTED:
                    self.played.findings.append(f"{step}: {outcome}")

    def _look(self) -> None:
        self.played.findings += held.in_between(self._party(), self._planted, self._place.fetch())


def play(seed: int, kind: str, place: Place, driver: Driver) -> Played:
    """Play one seed in a place of its own."""
    return Play(seed, kind, place, driver).play()


def tidy(root: Path) -> None:
    """Remove a world."""
    shutil.rmtree(root)
