"""What must hold after every disturbance, and at the end of a run whatever was done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from remit import signing
from remit.custody import Story
from remit.errors import RemitError
from remit.manifest import MANIFEST, RECEIPT
from remit.ports import Store
from remit.receive import Delivery
from remit.testing.campaign.party import RUN, SQLITE, Party
from remit.testing.canaries import find_planted
from remit.verification import verify_log
from remit.wiring import Settings, open_ledger

_THEIRS = {SQLITE, "target"}
"""The controller's database, and the target's own house, where rows may be."""


def in_between(party: Party, planted: Iterable[str], elsewhere: Iterable[Path] = ()) -> list[str]:
    """What is wrong in the sight of a thief or a target, after a disturbance.

    Args:
        elsewhere: folders with what is not below the party's root.
    """
    found = []
    ours = [path for path in party.root.iterdir() if path.name not in _THEIRS]
    if find_planted([*ours, *elsewhere], planted):
        found.append("plaintext on disk")
    zone, home = party.zone(), party.root / "target"
    if zone.exists(f"{RUN}/{MANIFEST}") and not zone.exists(f"{RUN}/{RECEIPT}"):
        try:
            delivery = Delivery.open(zone, RUN, _settings(party).trust())
            delivery.reconcile(signing.load_recipient(str(home / "recipient.pem")))
        except RemitError as error:
            found.append(f"a delivery in sight is not whole: {type(error).__name__}")
    return found


def at_the_end(party: Party) -> list[str]:
    """What is wrong with how the run ended."""
    log = open_ledger(_settings(party))
    key = signing.load_public(party.root / "processor" / "keys" / "processor.pem.pub")
    try:
        verify_log(log, [key])
    except RemitError as error:
        return [f"the evidence does not verify: {error}"]
    deployment = party.deployment()
    story = Story(RUN, deployment.log.records(RUN))
    kinds = Counter(record.kind for record in story.records)
    found = [f"{kind} {kinds[kind]} times" for kind in ("confirmed", "deleted") if kinds[kind] > 1]
    if kinds["obliged"] and not kinds["deleted"]:
        found.append(f"a duty to delete is left: {how_it_ended(story)}")
    if deployment.keys.exists(RUN):
        found.append("the staging key is left")
    zone = party.zone()
    for store, begun in ((deployment.staging, "obliged"), (zone, "delivering")):
        # A store that nothing was ever sent to may not be there.
        if (kinds[begun] or store.identity()) and (left := _left(store)):
            found.append(f"left in {store.label}: {left}")
    return found


def _left(store: Store) -> list[str]:
    return [file.path for file in store.list(RUN) if file.path != f"{RUN}/{RECEIPT}"]


def how_it_ended(story: Story) -> str:
    """In a word: deleted after what, or what it stopped at."""
    if not story.has("obliged"):
        last = story.records[-1].kind if story.records else "nothing"
        return f"nothing extracted ({last})"
    if story.has("deleted"):
        return f"deleted: {story.obligation().reason}"  # type: ignore[union-attr]
    return f"not deleted ({story.records[-1].kind})"


def _settings(party: Party) -> Settings:
    return Settings.from_environment(party.environment)
