"""Which runs may have to be stopped, because their instruction is no longer in force."""

from __future__ import annotations

from remit.custody import dumps
from remit.custody.arrivals import key_of
from remit.custody.deployment import Deployment
from remit.custody.keys import require_keys_stand, revoked_keys
from remit.custody.register import Register
from remit.custody.story import Story
from remit.custody.survey import Survey
from remit.errors import Refused
from remit.instruction import verify


def withdrawn(deployment: Deployment, by: str, found: Survey) -> list[str]:
    """The runs, not due yet, whose instruction does not bind any more, or that died as they ended.

    What arrived of their instructions is recorded in the register. Each instruction is looked at
    once, however many runs there are; what hinders that is told when the runs are acted on.

    Args:
        by: the principal in whose name what arrives is recorded.
    """
    looking = _Looking(deployment, by)
    return [o.run for o in found.pending if looking.may_be_stopped(found.stories[o.run])]


class _Looking:
    def __init__(self, deployment: Deployment, by: str) -> None:
        self._deployment, self._by = deployment, by
        self._known: dict[tuple[str, bool], Exception | None] = {}

    def may_be_stopped(self, story: Story) -> bool:
        """Whether `Run.withdraw` has something to do."""
        keeps = story.keeps_dump
        if story.has("confirmed") or (story.has("stopped") and not keeps):
            return False
        if not keeps and story.ended_at():
            return True  # the process died before it stopped the run
        wrong = self._wrong(story.run)
        if wrong is None:
            return False
        return not (keeps and isinstance(wrong, Refused) and dumps.spared(wrong))

    def _wrong(self, run: str) -> Exception | None:
        """Why the run's instruction is not in force, or what keeps from telling."""
        ledger = self._deployment.log.ledger
        try:
            opened, *more = [one.record() for one in ledger.kept(run, ["opened", "delivered"])]
            asked = str(opened.data["envelope"]), bool(more)
        except Exception as error:  # noqa: BLE001 - the run is damaged; acting on it tells
            return error
        if asked not in self._known:
            self._known[asked] = self._refusal(*asked)
        return self._known[asked]

    def _refusal(self, envelope: str, delivered: bool) -> Exception | None:
        ledger, trust = self._deployment.log.ledger, self._deployment.trust
        try:
            instruction = verify(envelope.encode(), trust, now=None)
            register = Register(self._deployment, self._by)
            register.take_in(key_of(instruction))
            register.require_in_force(instruction, self._deployment.clock())
            require_keys_stand(instruction, revoked_keys(ledger), trust, delivered=delivered)
        except Exception as error:  # noqa: BLE001 - whatever it is, acting on the run tells
            return error
        return None
