"""What every act on a run goes through: held alone, in order, recorded, and ended when refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.custody.story import Obligation, Story
from remit.delete import certify, delete_copies, find_copies
from remit.errors import (
    EvidenceBroken,
    Refused,
    RemitError,
    Unavailable,
    UsageError,
    describe_unexpected,
)
from remit.evidence import EvidenceLog, timestamp
from remit.instruction import TrustStore, VerifiedInstruction, verify
from remit.ports import Clock, KeyStore, LandingZone, Store

# Folders, locks and keys are named by it.
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,100}")


_SETBACKS = {"unplanned", "refused", "interrupted", "undeleted"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """What every run of a deployment shares."""

    log: EvidenceLog
    clock: Clock
    trust: TrustStore
    staging: Store
    keys: KeyStore
    suites: Path


class Custodian:
    """Keeps one run: its records, its order, and its end."""

    def __init__(self, run: str, deployment: Deployment, by: str) -> None:
        """Take up a run.

        Args:
            run: the run's id; letters, digits, hyphens.
            by: the principal in whose name steps are recorded.
        """
        if not RUN_ID.fullmatch(run):
            raise UsageError("a run's id is 2 to 101 lower-case letters, digits and hyphens.")
        self.id = run
        self.deployment = deployment
        self._by = by

    @property
    def story(self) -> Story:
        """The run's records so far."""
        return Story(self.id, self.deployment.log.records(self.id))

    def landing(self) -> str:
        """The specification of the landing zone that the run was opened with."""
        self.require_known()
        return str(self.story.last("opened")["landing"])

    def instruction(self, *, valid_now: bool = True) -> VerifiedInstruction:
        """The pinned instruction, verified again."""
        now = self.deployment.clock() if valid_now else None
        return verify(self.story.instruction_envelope, self.deployment.trust, now)

    # --- the steps ----------------------------------------------------------------------------

    @contextmanager
    def step(self, name: str, *, after: str, stops: bool = False) -> Iterator[None]:
        """Hold the run, check the order, record what is refused.

        Args:
            stops: whether a refusal ends the run: what it staged is made unreadable and deleted.
        """
        with self.locked():
            self.require_known()
            with self.recorded(name):
                self._require_order(name, after)
            with self.recorded(name, ends=stops):
                yield

    @contextmanager
    def recorded(self, name: str, *, ends: bool = False) -> Iterator[None]:
        """Put what goes wrong into the evidence.

        Args:
            ends: whether a refusal ends the run.
        """
        try:
            yield
        except Refused as refusal:
            self._refused(name, refusal, ends=ends and self.story.has("obliged"))
            raise
        except Unavailable as error:
            self._interrupted(name, error.where, error.message)
            raise
        except RemitError:
            raise
        except Exception as error:
            self._interrupted(name, "remit", describe_unexpected(error))
            raise

    def _interrupted(self, name: str, where: str, why: str) -> None:
        self.record("interrupted", {"step": name, "where": where, "why": why})

    def _refused(self, name: str, refusal: Refused, *, ends: bool) -> None:
        if ends:  # before it is recorded: a full ledger must not keep the extract readable
            self.deployment.keys.destroy(self.id)
        data = {"step": name, "refusal": refusal.as_json(), "ends_run": ends}
        self.record("refused", data)
        if ends:
            self._stop(name)

    def _stop(self, name: str) -> None:
        """End the run: what it staged is unreadable already; delete it unless somebody holds it."""
        self.deployment.keys.destroy(self.id)
        now = self.deployment.clock()
        reason = f"stopped at {name}"
        self.record("stopped", {"step": name, "due": timestamp(now), "reason": reason})
        obligation = self.story.obligation()
        if obligation is not None and obligation.is_due(now):
            self._delete_promptly(obligation)

    def _delete_promptly(self, obligation: Obligation) -> None:
        """Delete at once what a stopped run staged; if that fails, the obligation stays due."""
        try:
            self.delete_copies(self.story, obligation, _no_landing)
        except (Refused, Unavailable) as error:
            self.record("undeleted", {"why": str(error)})

    def _require_order(self, name: str, after: str) -> None:
        story = self.story
        if (ended_at := story.ended_at()) and not story.has("stopped"):
            self._stop(ended_at)  # the process died between the refusal and this
            story = self.story
        if story.has("stopped") or (story.has("deleted") and not story.has("confirmed")):
            raise Refused(
                "run-ended",
                f"run {self.id}",
                f"it has ended (see remit evidence show {self.id}), so it cannot {name}.",
                "start a new run once the reason is dealt with.",
            )
        if not story.has(after):
            raise Refused(
                "step-out-of-order",
                f"run {self.id}",
                f"it cannot {name}: there is no evidence that it was {after}.",
                "run the steps in their order; ControlledMigration builds the whole shape.",
            )
        obligation, now = story.obligation(), self.deployment.clock()
        if obligation and now >= obligation.due and not story.has("delivered"):
            raise Refused(
                "run-overdue",
                f"run {self.id}",
                f"every copy is due for deletion since {timestamp(obligation.due)}.",
                "let the deletion be executed (remit delete --due), and start a new run.",
            )

    def require_known(self) -> None:
        """Refuse (run-unknown) a run that was never opened."""
        if not self.story.has("opened"):
            raise Refused(
                "run-unknown",
                f"run {self.id}",
                "the evidence has no run of this id.",
                "list the runs with remit evidence show.",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run alone, across processes."""
        with self.deployment.staging.lock(self.id):
            yield

    def record(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append to the run's evidence."""
        records = self.deployment.log.records(self.id)
        for record in reversed(records):
            if (record.kind, record.data) == (kind, data):
                return  # the same refusal, met again by trying again, is one fact
            if record.kind not in _SETBACKS:
                break
        self.deployment.log.append(self.id, kind, dict(data), self._by, step=len(records))

    def delete_copies(
        self, story: Story, obligation: Obligation, landing: Callable[[str], LandingZone]
    ) -> None:
        """Record what is found, remove it, look again, and certify."""
        staging, keys = self.deployment.staging, self.deployment.keys
        keys.destroy(self.id)  # first: whatever fails below, nothing can be read any more
        require_store(staging, story.last("obliged")["staging_store"])
        zone = None
        if story.has("delivering"):
            zone = landing(obligation.landing)
            require_store(zone, story.last("delivering")["zone"])
        if found := find_copies(self.id, staging, zone):
            # Before they go: an attempt that is cut short must not shorten the certificate.
            self.record("deleting", {"copies": [copy.as_json() for copy in found]})
        delete_copies(self.id, self.id, keys, staging, zone)
        copies = self.story.copies_found()
        certificate = certify(
            self.id,
            story.last("opened")["instruction"]["digest"],
            obligation.reason,
            copies,
            story.staging_key.key_id if story.has("extracted") else None,
            timestamp(self.deployment.clock()),
            self.deployment.log.signer,
        )
        self.record("deleted", {"certificate": certificate.decode(), "copies": len(copies)})


def require_store(store: Store, name: str) -> None:
    """Raise `Unavailable` unless it is the very store that the run's files were put in.

    An unmounted share, an edited connection or another machine's folder holds none of them, and
    so would pass for one from which they are gone.
    """
    if store.identity() != name:
        raise Unavailable(
            store.label,
            "it is not the store that this run's files were put in (replaced or not mounted).",
        )


def _no_landing(_: str) -> LandingZone:
    raise EvidenceBroken(
        "a stopped run", "the evidence says it was delivered, though it never was."
    )
