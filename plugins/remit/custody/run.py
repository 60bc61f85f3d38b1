"""Custody: which step of a run may follow which, rebuilt from evidence each time.

Guarantee: a step runs only when the evidence says that the one before it is done, under an
instruction that verifies now; a step that is done already is not done twice; the obligation to
delete is recorded before anything is extracted; a refusal after that stops the run for good,
destroys its staging key and deletes what it staged.
Not guaranteed: progress. Whoever calls the steps (Airflow, the CLI) decides when.

    opened -> planned -> obliged -> extracted -> validated -> sealing -> sealed
           -> (asked -> approved) -> delivering -> delivered -> confirmed -> deleted
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from remit import canonical, deliver, extract, seal, validate
from remit.approve import Origin, approvers
from remit.custody import dumps
from remit.custody.approval import ApprovedRun
from remit.custody.guard import Landing, require_store
from remit.custody.history import previous_plan
from remit.custody.keys import require_own_key_stands
from remit.custody.register import Register
from remit.errors import Refused, Unavailable
from remit.evidence import timestamp
from remit.instruction import Instruction, VerifiedInstruction, read_signed, verify
from remit.instruction.interval import Interval, asks_for_interval, for_interval
from remit.landing import require_apart
from remit.manifest import Manifest, open_manifest, sign_manifest
from remit.plan import Circumstances, Plan, as_declared, make_plan, require_account
from remit.ports import Judge, LandingZone, Progress, Source
from remit.signing import PublicKey
from remit.table_writer import Staging


class Run(ApprovedRun):
    """One run of one instruction from one source to one landing zone.

    Each step's method may be called again at any time; it returns whether it did anything new.
    """

    def open_file(
        self, file: Path, source: str, landing: str, interval: Interval | None = None
    ) -> VerifiedInstruction:
        """Open the run under an instruction's file, its signature and revocation beside it; see `open`.

        Raises:
            Refused: instruction-unsigned, instruction-changed, and those of `open`.
            UsageError: the file cannot be read.
        """
        with self.recorded("open"):
            envelope = read_signed(file)
        return self.open(envelope, source, landing, interval, file)

    def open(
        self,
        envelope: bytes,
        source: str,
        landing: str,
        interval: Interval | None = None,
        file: Path | None = None,
    ) -> VerifiedInstruction:
        """Verify, receive and pin the instruction.

        Args:
            source: the source's label. landing: the specification by which it is found again.
            interval: the run's data interval, for instructions that give each run its own rows.
            file: where the instruction was read; its revocation may be beside it.

        Raises:
            Refused: as `remit.instruction.verify` and `Register`; processor-key-differs; run-pinned;
                those of `for_interval`.
        """
        # A run that is open already goes on to its next step, which ends it if it must end.
        now = None if self.story.has("opened") else self.deployment.clock()
        with self.recorded("open"):
            instruction = verify(envelope, self.deployment.trust, now)
            self.require_own_key(instruction)
            require_own_key_stands(self.own_key, self.revoked_keys())
            used = interval if asks_for_interval(instruction.terms) else None
            interval_json = used.as_json() if used else None
            pinned = (instruction.digest, source, landing, interval_json)
            if self.story.has("opened"):
                self.require_same(self.story, pinned)
            register = self._registered(instruction, file)
            if self.story.has("opened"):
                return instruction
            self.require_in_force(register, instruction)
            for_interval(instruction.terms, used)
            self.require_own_interval(instruction, source, interval_json)
        self.record(
            "opened",
            {
                "instruction": {
                    "id": instruction.terms.id,
                    "version": instruction.terms.version,
                    "digest": instruction.digest,
                },
                "controller": instruction.terms.controller.name,
                "interval": interval_json,
                "purpose": instruction.terms.purpose,
                "recipients": [
                    {"name": recipient.name, "categories": [str(c) for c in recipient.categories]}
                    for recipient in instruction.terms.recipients
                ],
                "envelope": envelope.decode(),
                "source": source,
                "landing": landing,
            },
        )
        return instruction

    def plan(
        self, source: Source, landing: LandingZone, judge: Judge, origin: Origin | None = None
    ) -> Plan:
        """Make the plan and record it; refuse what it refuses.

        Args:
            origin: who will not be able to approve it; None where nothing asks for approval.
        """
        with self.step("plan", after="opened"):
            instruction = self.instruction()
            terms, log = instruction.terms, self.deployment.log
            circumstances = Circumstances(
                pseudonyms=self.deployment.pseudonyms,
                landing=landing.label,
                interval=self.interval(),
                previous=previous_plan(log.ledger, terms.key, source.label, but=self.id),
                also=_refusals(
                    lambda: require_apart(landing.label, self.deployment.staging.label),
                    lambda: deliver.require_ready(terms, landing),
                    lambda: validate.load_rules(terms, self.deployment.suites, judge),
                    lambda: terms.approval and origin and approvers(terms, origin),
                ),
                rows_per_piece=self.deployment.rows_per_piece,
            )
            plan = make_plan(terms, instruction.digest, source, circumstances)
            if plan.refusals:
                self.record("unplanned", {"plan": plan.as_json()})
            plan.require_clean()
            if not self.story.has("planned"):
                self.record("planned", {"plan": plan.as_json()})
            return plan

    def pieces(self) -> list[int]:
        """The numbers of the pieces that the plan divides its tables into; none for one piece each."""
        planned = [table["pieces"] for table in self.story.last("planned")["plan"]["tables"]]
        return list(range(1, sum(planned) + 1)) if max(planned) > 1 else []

    def extract(self, source: Source, progress: Progress) -> bool:
        """Record the duty to delete, then extract, encrypted, into staging."""
        with self.step("extract", after="planned", stops=True):
            if self.story.has("extracted"):
                return False
            source = as_declared(source, self.instruction().terms)
            instruction, staging = self.begin_extract(source)
            each = self.deployment.rows_per_piece
            staged = extract.extract(
                instruction,
                self.id,
                source,
                staging,
                progress,
                standing=self._standing(),
                rows_per_piece=each,
            )
            self.record_extracted(
                [file.as_json() for file in staged.files], staged.reconciled, staging.key
            )
            return True

    def _standing(self) -> Callable[[], AbstractContextManager[None]]:
        """Asked before each file is begun and published, by lanes that are threads."""
        one_at_a_time = threading.Lock()

        @contextmanager
        def standing() -> Iterator[None]:
            with one_at_a_time:
                self.require_standing("obliged")
                yield

        return standing

    def begin_extract(self, source: Source) -> tuple[VerifiedInstruction, Staging]:
        """Look once more at what is about to be read, oblige ourselves to delete, clear staging."""
        instruction = self.instruction()
        self.require_own_key(instruction)
        self.require_planned_source(source)
        require_account(instruction.terms, source)
        self.require_own_rows(instruction)
        key = self._oblige(instruction, source)
        # Again: of two runs that begin at once, each now sees the other.
        self.require_own_rows(instruction)
        for left in self.deployment.staging.list(self.id):
            self.deployment.staging.remove(left.path)  # of an attempt that was killed
        return instruction, Staging(self.deployment.staging, key, self.deployment.pseudonyms)

    def record_extracted(
        self,
        files: list[dict[str, Any]],
        reconciled: Mapping[str, Sequence[str]],
        key: PublicKey,
    ) -> None:
        """Record that every table is staged."""
        sums = {table: list(columns) for table, columns in reconciled.items()}
        data = {"files": files, "reconciled": sums, "staging_key": str(key)}
        self.record("extracted", data)

    def validate(self, judge: Judge) -> bool:
        """Judge the encrypted extract."""
        with self.step("validate", after="extracted", stops=True):
            if self.story.has("validated"):
                return False
            instruction, story = self.instruction(), self.story
            opener = seal.staging_opener(self.keys(), self.id, story.staging_key)
            report = validate.validate(
                instruction,
                self.id,
                story.last("extracted")["files"],
                self.deployment.staging,
                opener,
                judge,
                self.deployment.suites,
            )
            if any(table.failed for table in report.tables):
                self.record("invalid", {"report": report.as_json()})
            report.require_passed()
            self.record("validated", {"report": report.as_json()})
            return True

    def seal(self) -> bool:
        """Check every key's recipients, destroy the staging key, make the manifest."""
        with self.step("seal", after="validated", stops=True):
            if self.story.has("sealed"):
                return False
            if not self.story.has("sealing"):
                self._begin_sealing()
            keys = self.keys()
            keys.destroy(self.id)
            if keys.exists(self.id):
                raise Refused(
                    "staging-key-kept",
                    f"staging key of run {self.id}",
                    "it is still there after it was destroyed.",
                    "find out what restores it; nothing is delivered until it is gone.",
                )
            self.record("sealed", {"staging_key_destroyed": self.story.staging_key.key_id})
            return True

    def deliver(self, landing: LandingZone) -> bool:
        """Publish at the landing zone; once delivered, nothing changes any more.

        Raises:
            Refused: those of `require_approved`, before anything is sent.
        """
        with self.step("deliver", after="sealed", landing=lambda _: landing):
            instruction, story = self.instruction(), self.story
            if story.has("delivered"):
                return False
            manifest = open_manifest(story.manifest_envelope, instruction)
            self.require_approved(instruction)
            self._begin_delivering(manifest, instruction.terms, landing)
            deliver.deliver(
                manifest,
                story.manifest_envelope,
                story.instruction_envelope,
                self.deployment.staging,
                landing,
            )
            digest = canonical.sha256(story.manifest_envelope)
            self.record("delivered", {"to": landing.label, "manifest": digest})
            return True

    def _begin_delivering(
        self, manifest: Manifest, terms: Instruction, landing: LandingZone
    ) -> None:
        """Try the zone; record to which one the run is about to be sent, and hold it to that one."""
        require_apart(landing.label, self.deployment.staging.label)
        room = sum(file.size for file in manifest.files)
        if self.story.has("delivering"):
            # First: the preflight of a folder that is not mounted would make another one.
            zone = deliver.bound(terms, landing)
            require_store(zone, self.story.last("delivering")["zone"])
            room = deliver.room_for(manifest, zone)
        deliver.require_ready(terms, landing, room)
        if not self.story.has("delivering"):
            name = landing.claim()
            self.record(
                "delivering", {"to": landing.label, "zone": name, "endpoint": landing.endpoint()}
            )
            require_store(landing, self.story.last("delivering")["zone"])

    def withdraw(self, landing: Landing) -> bool:
        """Stop a run that is not confirmed, if its instruction is no longer in force.

        A receipt that is there already is accepted instead. A run that stopped before loses its dump,
        if the instruction was revoked.

        Args:
            landing: opens the landing zone from its specification.

        Returns:
            Whether it was stopped; its copies are deleted then, or due for deletion at once.

        Raises:
            Refused: it cannot be told, because the instruction or a revocation does not verify.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self.locked())
            except Unavailable as error:
                if error.where != self.id:
                    raise  # it is the store that does not answer
                return False  # a step is at work, which has looked itself
            story = self.story
            keeps = story.keeps_dump
            if story.has("confirmed") or (story.has("stopped") and not keeps):
                return False
            if not keeps and (ended_at := story.ended_at()):
                self._stop(ended_at, landing)  # the process died before it did this
                return True
            with self.recorded("withdraw"):
                instruction = self.instruction()
                register = self.register(instruction)
            try:
                self.require_in_force(register, instruction)
            except Refused as refusal:
                if dumps.spared(refusal) if keeps else self._has_receipt(landing):
                    return False
                self._refused("withdraw", refusal, ends=True, landing=landing)
                return True
            return False

    def delete(self, landing: Landing) -> bool:
        """Execute the run's obligation if it is due.

        Args:
            landing: opens the landing zone from its specification.

        Raises:
            Refused: not-due, held; copy-not-deleted.
        """
        with self.locked(), self.recorded("delete"):
            story = self.story
            obligation = story.obligation()
            if obligation is None or obligation.done:
                return False
            self.require_due(obligation)
            self.look_before_deletion(landing)
            story = self.story
            self.delete_copies(story, obligation, landing)
            return True

    # --- inside -------------------------------------------------------------------------------

    def _registered(self, instruction: VerifiedInstruction, file: Path | None) -> Register:
        """The register with the instruction, and then with what arrived of it and may end it."""
        Register(self.deployment, self._by).receive(instruction)
        register = self.register(instruction)
        if file is not None:
            register.revoke_beside(file)
        return register

    def _oblige(self, instruction: VerifiedInstruction, source: Source) -> PublicKey:
        """Record the duty to delete; only then make the staging key, which it covers too."""
        dumped = dumps.taken_up(source)
        if not self.story.has("obliged"):
            due = self.deployment.clock() + instruction.terms.retention.without_confirmation
            self.record(
                "obliged",
                {
                    "due": timestamp(due),
                    "reason": "maximum age without confirmation",
                    "staging": f"{self.deployment.staging.label}/{self.id}",
                    "staging_store": self.deployment.staging.claim(),
                    "key_store": self.deployment.keys.claim(),
                    **dumped,
                },
            )
        dumps.require_same(self.story, dumped)
        return PublicKey("x25519", self.keys().create(self.id))

    def _begin_sealing(self) -> None:
        instruction, story = self.instruction(), self.story
        self.require_own_key(instruction)  # it signs the manifest
        files = story.last("extracted")["files"]
        opener = seal.staging_opener(self.keys(), self.id, story.staging_key)
        seal.require_wrapping(
            instruction, self.id, files, self.deployment.staging, opener, story.staging_key
        )
        made = seal.make_manifest(
            instruction,
            self.id,
            files,
            timestamp(self.deployment.clock()),
            self.deployment.log.newest_checkpoint() or b"",
            self.interval(),
        )
        envelope = sign_manifest(made, self.deployment.log.signer)
        self.record("sealing", {"manifest": envelope.decode()})


def run_id(instruction: str, *parts: str) -> str:
    """A run id that the same instruction and parts always give."""
    digest = hashlib.sha256(canonical.dumps([instruction, *parts])).digest()
    return f"{instruction[:40]}-{base64.b32encode(digest[:8]).decode().rstrip('=').lower()}"


def _refusals(*checks: Callable[[], object]) -> list[Refused]:
    """The refusals of checks that belong to a plan, so that it shows all of them at once."""
    found = []
    for check in checks:
        try:
            check()
        except Refused as refusal:
            found.append(refusal)
    return found
