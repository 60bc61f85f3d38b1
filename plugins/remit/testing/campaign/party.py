"""What the parties of a run do, each step taking up what is left to do: the child processes' work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from remit import signing
from remit.custody import Deployment, Run, execute_due, sweep
from remit.deliver import bound
from remit.instruction import parse, read_signed
from remit.manifest import MANIFEST, RECEIPT
from remit.ports import LandingZone, Rule, Verdict
from remit.receive import Delivery, make_receipt
from remit.wiring import Settings, open_deployment, open_landing, open_source

RUN = "durand-campaign"
SQLITE = "lis.sqlite"
INSTRUCTION = "include/instructions/durand.yaml"


class RowCounter:
    """Judges the number of rows alone: Great Expectations is not the subject, and slow to import."""

    engine = "the campaign's judge, of row counts"

    def check(self, rules: Sequence[Rule]) -> None:
        """Every rule will do."""

    def judge(
        self,
        extract: Any,
        rules: Sequence[Rule],
        others: Any = None,  # noqa: ARG002
    ) -> list[Verdict]:
        """See `remit.ports.Judge`."""
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


@dataclass
class Party:
    """One process of the processor's, with its places and its clock.

    Attributes:
        root: the folder of a `remit.testing.world.World`.
        landing: the landing zone's specification.
        ahead: seconds that this process's clock is ahead; negative when it is behind.
    """

    root: Path
    environment: Mapping[str, str]
    landing: str
    ahead: float = 0

    def now(self) -> datetime:
        """The time as this process has it."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def take(self, step: str) -> None:
        """Take a step; the steps have no order but that which remit holds them to."""
        steps: dict[str, Callable[[], object]] = {
            "open": self._open,
            "plan": lambda: self._run().plan(self._source(), self.zone(), RowCounter()),
            "extract": lambda: self._run().extract(self._source(), lambda *_: None),
            "validate": lambda: self._run().validate(RowCounter()),
            "seal": lambda: self._run().seal(),
            "deliver": lambda: self._run().deliver(self.zone()),
            "ingest": self._ingest,
            "confirm": lambda: self._run().confirm(self.zone()),
            "delete": self._delete_due,
            "sweep": lambda: sweep(self.deployment(), "campaign", self.zone, timedelta()),
        }
        steps[step]()

    def deployment(self) -> Deployment:
        """The processor's deployment, on this process's clock."""
        return open_deployment(Settings.from_environment(self.environment), now=self.now)

    def _run(self) -> Run:
        return Run(RUN, self.deployment(), "campaign")

    def _source(self) -> Any:
        return open_source(f"sqlite:///{self.root / SQLITE}")

    def zone(self, spec: str = "") -> LandingZone:
        """The landing zone's adapter, held to what is instructed."""
        terms = parse((self.root / INSTRUCTION).read_bytes())
        return bound(terms, open_landing(spec or self.landing))

    def _open(self) -> None:
        file = self.root / INSTRUCTION
        self._run().open(read_signed(file), self._source().label, self.landing)

    def _delete_due(self) -> None:
        """As the deletion DAG does; the first error is raised once everything was tried."""
        done = list(execute_due(self.deployment(), "campaign", self.zone))
        for one in done:
            if one.error is not None:
                raise one.error

    def _ingest(self) -> None:
        """The target's part: verify, decrypt, count, sign."""
        zone, home = self.zone(), self.root / "target"
        if not zone.exists(f"{RUN}/{MANIFEST}") or zone.exists(f"{RUN}/{RECEIPT}"):
            return  # nothing was delivered, or it is done
        trust = Settings.from_environment(self.environment).trust()
        delivery = Delivery.open(zone, RUN, trust)
        files = delivery.reconcile(signing.load_recipient(str(home / "recipient.pem")))
        now = datetime.now(UTC)
        receipt = make_receipt(
            delivery,
            files,
            signing.load_signer(str(home / "receipts.pem")),
            system="kalisil 1.0 (simulated)",
            principal="kalisil-import",
            committed=now,
            now=now,
        )
        draft = zone.create(f"{RUN}/{RECEIPT}")
        draft.write(receipt)
        draft.publish()
