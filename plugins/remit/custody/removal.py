"""Removing all copies of one run: what fails at one place keeps no other place from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from remit.copy_names import telling
from remit.custody import dumps
from remit.custody.deployment import Deployment
from remit.custody.story import Obligation, Story
from remit.delete import (
    CopiesLocked,
    DeletedCopy,
    certify,
    copies_in,
    destroy_key,
    of_the_target,
    remove_copies,
)
from remit.deliver import bound, require_ready
from remit.errors import (
    Refused,
    RemitError,
    Unavailable,
    UsageError,
    describe_unexpected,
)
from remit.evidence import timestamp
from remit.instruction import parse
from remit.instruction.trust import payload_of
from remit.landing import untried
from remit.pieces import file_stems
from remit.ports import KeyStore, LandingZone, Lock, Store

Landing = Callable[[str], LandingZone]
"""Opens a landing zone from its specification."""

Recording = Callable[[str, Mapping[str, Any]], None]
"""Appends to the run's evidence: the kind, and the data."""


class Removal:
    """One attempt, under the lock on the run: `find`, then `remove`, then `certificate`.

    Attributes:
        refused_zone: what the landing zone's preflight refused, if it did; it is deleted from all the same.
    """

    def __init__(self, story: Story, deployment: Deployment, landing: Landing) -> None:
        """Take up a run as it is now.

        Args:
            landing: opens the landing zone from its specification.
        """
        self._story, self._deployment, self._landing = story, deployment, landing
        self._places: list[tuple[Store, tuple[str, ...]]] = []
        self._failures: list[RemitError] = []
        self.refused_zone: Refused | None = None
        self._locks: dict[str, Lock] = {}
        self._terms = parse(payload_of(story.instruction_envelope))
        self._told = telling(story.run, set(file_stems(self._terms).values()))

    @property
    def is_clear(self) -> bool:
        """Whether nothing failed or was refused so far, and no dump is among the copies."""
        wrong = self._failures or self._locks or self.refused_zone
        return not (wrong or self._story.last("obliged").get("dump"))

    def find(self) -> list[dict[str, Any]]:
        """Destroy the staging key, then look for every copy in the stores.

        Raises:
            Refused: copy-not-deleted, when the key is still there.
            Unavailable: those of `keys_of`.
        """
        # First: whatever fails below, nothing can be read any more.
        destroy_key(self._story.run, keys_of(self._story, self._deployment))
        found: list[DeletedCopy] = []
        for opened in (self._staging, self._zone):
            with self._going_on():
                store, spared = opened()
                if store is not None:
                    files = copies_in(store, self._story.run, spared)
                    found += [
                        DeletedCopy(f"{store.label}/{self._told(file.path)}", file.size)
                        for file in files
                    ]
                    self._places.append((store, spared))
        return [copy.as_json() for copy in found]

    def remove(self) -> None:
        """Remove what is in the stores, and look again; see `require_gone`."""
        for store, spared in self._places:
            with self._going_on():
                self._locks |= remove_copies(store, self._story.run, spared, self._told)

    def remove_dump(self, record: Recording) -> None:
        """The same for the files of a dump, which are recorded before they go."""
        with self._going_on():
            if found := dumps.find(self._story):
                record("deleting", {"copies": [copy.as_json() for copy in found]})
            dumps.remove(self._story)

    def require_gone(self) -> None:
        """Raise what kept a copy, if anything did: first what is worth another try soon.

        Raises:
            Unavailable, UsageError: a store could not be reached.
            Refused: copy-not-deleted, dump-changed; copy-locked, when all else is gone.
        """
        for kind in (Unavailable, RemitError):
            for failure in self._failures:
                if isinstance(failure, kind):
                    raise failure
        if self._locks:
            raise CopiesLocked(self._locks)

    def certificate(self, obligation: Obligation, copies: list[dict[str, Any]]) -> dict[str, Any]:
        """What is recorded once everything is gone.

        Args:
            copies: every copy that any attempt found.
        """
        story = self._story
        signed = certify(
            story.run,
            story.last("opened")["instruction"]["digest"],
            obligation.reason,
            copies,
            story.staging_key.key_id if story.has("extracted") else None,
            timestamp(self._deployment.clock()),
            self._deployment.log.signer,
        )
        return {"certificate": signed.decode(), "copies": len(copies)}

    def _staging(self) -> tuple[Store | None, tuple[str, ...]]:
        require_store(self._deployment.staging, self._story.last("obliged")["staging_store"])
        return self._deployment.staging, ()

    def _zone(self) -> tuple[Store | None, tuple[str, ...]]:
        if not self._story.has("delivering"):
            return None, ()  # nothing was ever sent
        terms = self._terms
        zone = bound(terms, self._landing(str(self._story.last("opened")["landing"])))
        require_store(zone, self._story.last("delivering")["zone"])
        try:
            require_ready(terms, zone)
        except Refused as refusal:
            # A zone that is found open is all the more reason to delete; another server or store
            # was not asked to, for the zone's own name is looked at first.
            self.refused_zone = refusal
        except Unavailable as error:
            # A full zone takes no trial, and is emptied by nothing but this. Whether it answers,
            # the listing tells.
            self.refused_zone = untried(zone.label, error)
        return zone, of_the_target(self._story.run)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Keep what goes wrong at one place until every other place was tried."""
        try:
            yield
        except (Refused, Unavailable, UsageError) as error:
            self._failures.append(error)
        except Exception as error:  # noqa: BLE001 - what others put there keeps no other place
            where = f"run {self._story.run}"
            self._failures.append(Unavailable(where, describe_unexpected(error)))


def keys_of(story: Story, deployment: Deployment) -> KeyStore:
    """The store that the run's staging key is in.

    Raises:
        Unavailable: another one is set, or it is not there; the key is not gone from it then.
    """
    keys = deployment.keys
    if story.has("obliged") and keys.identity() != story.last("obliged")["key_store"]:
        raise Unavailable(
            keys.label,
            "it is not the store that this run's staging key is in (replaced or not mounted).",
        )
    return keys


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
