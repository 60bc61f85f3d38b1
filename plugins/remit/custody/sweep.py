"""Sweep: the stores held against the evidence, for what nobody recorded (Art. 28(3)(g)).

Guarantee: what lies in staging, in the keyring, or in a landing zone that a run was sent to, and is
covered by no duty to delete, is found and recorded once. Only what is remit's own and older than the
rule says is deleted, while its name is held, so that no run needs it; strangers' files never are, nor
anything in a staging store that has a landing zone in it or lies in one.
Not guaranteed: that a place is looked at that no run was ever sent to, or what the storage's operator
keeps below its interface. Two deployments that share one staging store take each other's for orphans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from remit.copy_names import digested
from remit.custody.deployment import Deployment
from remit.custody.inventory import Inventory, inventory
from remit.custody.orphans import Orphan, in_keyring, in_staging, in_zone, recorded
from remit.custody.removal import Landing
from remit.custody.story import ORPHANS
from remit.delete import destroy_key, of_the_target, remove_copies
from remit.errors import Refused, RemitError, Unavailable, UsageError, describe_unexpected
from remit.landing import require_apart
from remit.ports import LandingTerms, LandingZone, Store, StoredFile

Listed = list[tuple[Store, list[StoredFile], bool]]
"""Stores, what was found in each, and whether it is a landing zone."""


@dataclass(slots=True)
class Swept:
    """What came of a sweep.

    Attributes:
        found: every orphan; those of `removed` are gone.
        new: those that no earlier sweep recorded.
        unseen: landing zones that could not be looked at, and why.
        failed: orphans that should have gone, and what kept them.
    """

    found: list[Orphan] = field(default_factory=list)
    new: list[Orphan] = field(default_factory=list)
    removed: list[Orphan] = field(default_factory=list)
    unseen: list[tuple[str, RemitError]] = field(default_factory=list)
    failed: list[tuple[Orphan, RemitError]] = field(default_factory=list)


def sweep(
    deployment: Deployment, by: str, landing: Landing, after: timedelta | None = None
) -> Swept:
    """Look for orphans, record what is new, and delete what is old enough.

    Args:
        landing: opens a landing zone from its specification.
        after: the age from which they are deleted; None to report alone.

    Raises:
        Unavailable: another sweep is at work; staging or the keyring does not answer.
        EvidenceBroken: what is known cannot be told from what is not.
    """
    with deployment.log.ledger.lock(ORPHANS):
        return _Sweep(deployment, by, landing).run(after)


class _Sweep:
    def __init__(self, deployment: Deployment, by: str, landing: Landing) -> None:
        self._deployment, self._by, self._landing = deployment, by, landing
        self._swept = Swept()
        self._stores: dict[str, tuple[Store, bool]] = {}
        self._mixed = False

    def run(self, after: timedelta | None) -> Swept:
        known = inventory(self._deployment.log.ledger)
        listed, keys = self._listed(known), self._deployment.keys.names()
        # Again, after looking: whatever is recorded before it is written is known by now.
        known = inventory(self._deployment.log.ledger)
        # One folder may be a landing zone by two specifications.
        found = {
            one.key: one
            for one in (
                *_classified(listed, known),
                *in_keyring(self._deployment.keys, keys, known),
            )
        }
        # What went while its run ended is none.
        self._swept.found = [orphan for orphan in found.values() if self._is_there(orphan)]
        first = recorded(self._deployment.log.records(ORPHANS))
        self._swept.new = [one for one in self._swept.found if one.key not in first]
        self._append("orphans", "found", self._swept.new)
        if after is not None:
            now = self._deployment.clock()
            old = [
                orphan
                for orphan in self._swept.found
                if orphan.may_go(after, first.get(orphan.key), now) and not self._is_mixed(orphan)
            ]
            self._swept.removed = [orphan for orphan in old if self._remove(orphan)]
            self._append("swept", "removed", self._swept.removed)
        return self._swept

    def _listed(self, known: Inventory) -> Listed:
        staging = self._deployment.staging
        listed: Listed = [(staging, staging.list("") if staging.identity() else [], False)]
        for (spec, endpoint), names in known.zones().items():
            try:
                zone = self._zone(spec, endpoint, names)
                listed.append((zone, zone.list(""), True))
            except (Refused, Unavailable, UsageError) as error:
                self._swept.unseen.append((spec, error))
            except Exception as error:  # noqa: BLE001 - one zone's defect keeps no other unswept
                self._swept.unseen.append((spec, Unavailable("a zone", describe_unexpected(error))))
        self._stores = {store.label: (store, is_zone) for store, _, is_zone in listed}
        return listed

    def _zone(self, spec: str, endpoint: str | None, names: set[str]) -> LandingZone:
        zone = self._landing(spec)
        try:
            require_apart(zone.label, self._deployment.staging.label)
        except Refused:
            self._mixed = True
            raise
        zone.bind(LandingTerms(endpoint))
        if zone.identity() not in names:
            raise Unavailable(zone.label, "it is not the store that runs were sent to.")
        return zone

    def _is_mixed(self, orphan: Orphan) -> bool:
        """Whether it is in a staging store that shares its place with a landing zone."""
        return self._mixed and orphan.place == self._deployment.staging.label

    def _is_there(self, orphan: Orphan) -> bool:
        if orphan.place == "keyring":
            return self._deployment.keys.exists(orphan.top)
        store, _ = self._stores[orphan.place]
        spared = self._spared(orphan)
        return any(file.path not in spared for file in store.list(orphan.top))

    def _remove(self, orphan: Orphan) -> bool:
        """Remove it, unless a run of its name needs it by now."""
        try:
            with self._deployment.log.ledger.lock(orphan.top):
                if self._is_needed(orphan):
                    return False
                self._destroy(orphan)
        except (Refused, Unavailable) as error:
            self._swept.failed.append((orphan, error))
            return False
        return True

    def _is_needed(self, orphan: Orphan) -> bool:
        if orphan.why in ("deleted", "key-unneeded"):
            return False  # an end is for good
        kinds = {record.kind for record in self._deployment.log.records(orphan.top)}
        _, is_zone = self._stores.get(orphan.place, (None, False))
        return ("delivering" if is_zone else "obliged") in kinds

    def _destroy(self, orphan: Orphan) -> None:
        if orphan.place == "keyring":
            destroy_key(orphan.top, self._deployment.keys)
            return
        store, _ = self._stores[orphan.place]
        for where in remove_copies(store, orphan.top, self._spared(orphan), digested):
            raise Refused(
                "copy-locked",
                where,
                "not deleted: the storage has it locked.",
                "nothing to do until the lock ends; the next sweep tries again.",
            )

    def _spared(self, orphan: Orphan) -> tuple[str, ...]:
        _, is_zone = self._stores[orphan.place]
        return of_the_target(orphan.top) if is_zone else ()

    def _append(self, kind: str, name: str, orphans: Iterable[Orphan]) -> None:
        data = {name: [orphan.as_json() for orphan in orphans]}
        if data[name]:
            self._deployment.log.append(ORPHANS, kind, data, self._by, step=None)


def _classified(listed: Listed, known: Inventory) -> Iterator[Orphan]:
    for store, files, is_zone in listed:
        yield from (in_zone if is_zone else in_staging)(store, files, known)
