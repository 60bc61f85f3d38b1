"""What every act on a run goes through: held alone, in order, recorded, and ended when refused."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

from remit import signing
from remit.custody import dumps
from remit.custody.arrivals import key_of
from remit.custody.deployment import Deployment
from remit.custody.keys import Revoked, require_keys_stand, require_own_key_stands, revoked_keys
from remit.custody.register import Register
from remit.custody.removal import Landing, Removal, keys_of, require_store
from remit.custody.story import Obligation, Story
from remit.delete import CopiesLocked
from remit.deliver import bound
from remit.errors import (
    Refused,
    RemitError,
    Unavailable,
    UsageError,
    describe_unexpected,
)
from remit.evidence import timestamp
from remit.instruction import VerifiedInstruction, parse, verify
from remit.instruction.interval import Interval, for_interval
from remit.instruction.trust import payload_of
from remit.ports import KeyStore, LandingZone
from remit.signing import PublicKey

__all__ = ["RUN_ID", "Custodian", "Landing", "require_store"]

# Folders, locks and keys are named by it.
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,100}")


# How often, and every how many seconds, another task of the same run is waited for.
_PATIENCE, _BREATH = 300, 0.1

_SETBACKS = {"unplanned", "refused", "interrupted", "undeleted"}


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
        self._told: Refused | None = None

    @property
    def story(self) -> Story:
        """The run's records so far."""
        return Story(self.id, self.deployment.log.records(self.id))

    def landing(self) -> str:
        """The specification of the landing zone that the run was opened with."""
        self.require_known()
        return str(self.story.last("opened")["landing"])

    def zone(self, landing: Landing) -> LandingZone:
        """The run's landing zone, opened, and held to what the pinned instruction says of it."""
        opened = landing(self.landing())
        return bound(parse(payload_of(self.story.instruction_envelope)), opened)

    def instruction(self) -> VerifiedInstruction:
        """The pinned instruction, verified again, its windows cut to the run's own interval."""
        verified = verify(self.story.instruction_envelope, self.deployment.trust, now=None)
        return verified.narrowed(for_interval(verified.terms, self.interval()))

    def interval(self) -> Interval | None:
        """The run's own data interval, where its instruction asks for one."""
        fields = self.story.last("opened")["interval"]
        return Interval.from_json(fields) if fields else None

    def keys(self) -> KeyStore:
        """The store that the run's staging key is in.

        Raises:
            Unavailable: another one is set, or it is not there; the key is not gone from it then.
        """
        return keys_of(self.story, self.deployment)

    def register(self, instruction: VerifiedInstruction) -> Register:
        """The instructions received, with what arrived of this one since."""
        register = Register(self.deployment, self._by)
        register.take_in(key_of(instruction))
        return register

    # --- the steps ----------------------------------------------------------------------------

    @contextmanager
    def step(
        self,
        name: str,
        *,
        after: str,
        stops: bool = False,
        landing: Landing | None = None,
        waits: bool = False,
    ) -> Iterator[None]:
        """Hold the run, check the order and that the instruction is in force, record what is refused.

        An instruction that no longer is in force ends the run, at whatever step it is met.

        Args:
            stops: whether any other refusal ends the run as well: what it staged is made unreadable
                and deleted.
            landing: opens the landing zone, for steps that may have sent something there.
            waits: for tasks of one run that hold it for a moment each.
        """
        with self.locked_soon() if waits else self.locked():
            self.require_known()
            self.deployment.log.require_own()  # or its refusal could not be recorded either
            with self.recorded(name):
                self.require_order(name, after, landing)
                require_own_key_stands(self.own_key, self.revoked_keys())
            if not self.story.has("delivered"):
                self._require_still_in_force(name, landing)
            with self.recorded(name, ends=stops, landing=landing):
                yield

    def _require_still_in_force(self, name: str, landing: Landing | None) -> None:
        """End the run when its instruction is withdrawn; merely refuse when that cannot be told."""
        with self.recorded(name):
            instruction = self.instruction()
            register = self.register(instruction)
            instruction.require_started(self.deployment.clock())
        with self.recorded(name, ends=True, landing=landing):
            self.require_in_force(register, instruction)

    def require_in_force(self, register: Register, instruction: VerifiedInstruction) -> None:
        """Refuse an instruction that no longer binds, or that relies on a key that was revoked.

        Raises:
            Refused: those of `Register.require_in_force` and `require_keys_stand`.
        """
        register.require_in_force(instruction, self.deployment.clock())
        sent, trust = self.story.has("delivered"), self.deployment.trust
        require_keys_stand(instruction, self.revoked_keys(), trust, delivered=sent)

    def revoked_keys(self) -> Revoked:
        """The keys that were revoked until now."""
        return revoked_keys(self.deployment.log.ledger)

    @property
    def own_key(self) -> PublicKey:
        """The public half of the key that we sign with."""
        return signing.key_of(self.deployment.log.signer)

    @contextmanager
    def recorded(
        self, name: str, *, ends: bool = False, landing: Landing | None = None
    ) -> Iterator[None]:
        """Put what goes wrong into the evidence.

        Args:
            ends: whether a refusal ends the run.
            landing: opens the landing zone, to delete there what a run that ends has sent.
        """
        try:
            yield
        except Refused as refusal:
            if refusal is not self._told:  # one within has told it, and knew what it ends
                self._refused(name, refusal, ends and self.story.has("obliged"), landing)
                self._told = refusal
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

    def _refused(self, name: str, refusal: Refused, ends: bool, landing: Landing | None) -> None:
        if ends:  # before it is recorded: a full ledger must not keep the extract readable
            self.keys().destroy(self.id)
        data = {"step": name, "refusal": refusal.as_json(), "ends_run": ends}
        self.record("refused", data)
        if ends:
            self._stop(name, landing or _no_landing)

    def _stop(self, name: str, landing: Landing) -> None:
        """End the run: what it staged is unreadable already; delete it unless somebody holds it."""
        self.keys().destroy(self.id)
        now = self.deployment.clock()
        reason = f"stopped at {name}"
        self.record("stopped", {"step": name, "due": timestamp(now), "reason": reason})
        obligation = self.story.obligation()
        if obligation is not None and obligation.is_due(now):
            self._delete_promptly(obligation, landing)

    def _delete_promptly(self, obligation: Obligation, landing: Landing) -> None:
        """Delete at once what a stopped run staged; if that fails, the obligation stays due."""
        try:
            self.delete_copies(self.story, obligation, landing)
        except CopiesLocked:
            return  # it is recorded
        except (Refused, Unavailable, UsageError) as error:
            self.record("undeleted", {"why": str(error)})

    def require_order(self, name: str, after: str, landing: Landing | None = None) -> None:
        """Refuse a step that may not follow: run-ended, step-out-of-order, run-overdue."""
        story = self.story
        if (ended_at := story.ended_at()) and not story.has("stopped"):
            self._stop(ended_at, landing or _no_landing)  # the process died before it did this
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
        with self.deployment.log.ledger.lock(self.id):
            yield

    def require_standing(self, after: str) -> None:
        """Refuse to begin or publish a file, unless the run is still held and still extracting.

        Raises:
            Refused: run-ended, step-out-of-order, run-overdue.
            Unavailable: the lock on the run was lost, or somebody else went on with it.
        """
        self.deployment.log.ledger.require_held()
        self.require_order("extract", after)
        if self.story.has("extracted") or self.story.has("deleted"):
            raise Unavailable(f"run {self.id}", "somebody else went on with it meanwhile.")

    @contextmanager
    def locked_soon(self) -> Iterator[None]:
        """As `locked`, after waiting for another task of the run, which holds it for a moment."""
        with ExitStack() as held:
            for attempt in count(1):
                try:
                    held.enter_context(self.locked())
                    break
                except Unavailable as error:
                    if error.where != self.id or attempt > _PATIENCE:
                        raise
                    time.sleep(_BREATH)
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

    def delete_copies(self, story: Story, obligation: Obligation, landing: Landing) -> None:
        """Record what is found, remove it, look again, and certify."""
        removal = Removal(story, self.deployment, landing)
        found = removal.find()
        self._tell_of_zone(removal)
        if found:
            # Before they go: an attempt that is cut short must not shorten the certificate.
            self.record("deleting", {"copies": found})
        removal.remove()
        kept = dumps.kept_until(story, self.deployment.clock())
        if not kept:
            removal.remove_dump(self.record)
        self._require_gone(removal)
        if kept:
            self.record("dump-kept", {"until": timestamp(kept)})
            return
        copies = self.story.copies_found()
        self.record("deleted", removal.certificate(obligation, copies))

    def _require_gone(self, removal: Removal) -> None:
        """Raise what keeps a copy; a lock of the storage's is recorded with its end."""
        try:
            removal.require_gone()
        except CopiesLocked as locked:
            self.record("undeleted", locked.as_record(self.deployment.clock()))
            self._told = locked  # in words of its own
            raise

    def _tell_of_zone(self, removal: Removal) -> None:
        """Record what is wrong with the zone that copies are deleted from."""
        if removal.refused_zone is not None:
            refusal = removal.refused_zone.as_json()
            self.record("refused", {"step": "delete", "refusal": refusal, "ends_run": False})


def _no_landing(spec: str) -> LandingZone:
    raise Unavailable(spec, "this step does not open the landing zone; the deletion DAG does.")
