"""Orphans: files and staging keys that are there, but that no duty to delete covers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from remit.copy_names import digested
from remit.custody.inventory import Inventory, KnownRun
from remit.delete import of_the_target
from remit.evidence import Record, parse_timestamp, timestamp
from remit.narrative.deletion import ORPHANED
from remit.ports import KeyStore, Store, StoredFile

# As `remit.custody.run.run_id` makes them: such a name is ours, and can be shown.
_MADE = re.compile(r"[a-z0-9][a-z0-9-]{0,40}-[a-z2-7]{13}")
_PARTIAL = re.compile(r"\.(.+)\.partial")
_OWN = ".remit"

WHY = {why: english for why, (english, _) in ORPHANED.items()}
_NEVER_DELETED = {"elsewhere", "stranger"}


@dataclass(frozen=True, slots=True)
class Orphan:
    """What was found under one name in one place.

    Attributes:
        place: the store's label, or ``keyring``.
        name: the run's id; a digest where remit did not give the name, which may then say anything.
        why: one of `WHY`.
        files: how many; `size` of all of them, in bytes.
        oldest, newest: when they were written; None where the store does not say.
        owned: whether the place is remit's own, so that a rule may delete it.
        top: the name as it is, for the eyes of who looks there.
    """

    place: str
    name: str
    why: str
    files: int = 1
    size: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    owned: bool = True
    top: str = field(default="", repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding, when it is found again."""
        return self.place, self.name, self.why

    def may_go(self, after: timedelta, first_found: datetime | None, now: datetime) -> bool:
        """Whether a rule to delete after a time covers it; the time counts from the newest file.

        Args:
            first_found: from this it counts where the store does not say when.
        """
        since = self.newest or first_found
        return self.owned and self.why not in _NEVER_DELETED and since is not None and (
            now - since >= after
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """The finding as the evidence has it."""
        return {
            "place": self.place,
            "name": self.name,
            "why": self.why,
            "files": self.files,
            "size": self.size,
            "oldest": timestamp(self.oldest) if self.oldest else None,
        }


def in_staging(store: Store, files: Iterable[StoredFile], known: Inventory) -> Iterator[Orphan]:
    """What lies in the staging store without a duty to delete it; strangers' files may be there."""
    identity = store.identity()
    owned = identity in known.stagings()
    for top, own in _by_top(files).items():
        run = known.runs.get(top)
        if run is None and _MADE.fullmatch(top) is None:
            yield _found(store.label, top, "stranger", own, run, owned=False)
        elif run is None or run.staged_in is None:
            yield _found(store.label, top, "unrecorded", own, run, owned=owned)
        elif run.deleted:
            yield _found(store.label, top, "deleted", own, run, owned=owned)
        elif run.staged_in != identity:
            yield _found(store.label, top, "elsewhere", own, run, owned=owned)


def in_zone(store: Store, files: Iterable[StoredFile], known: Inventory) -> Iterator[Orphan]:
    """What lies in a landing zone beside the deliveries; strangers' files may be there."""
    identity = store.identity()
    for top, own in _by_top(files).items():
        partial = _PARTIAL.fullmatch(top)
        name = partial[1] if partial else top
        run = known.runs.get(name)
        if run is None:
            yield _found(store.label, name, "stranger", own, run, owned=False)
            continue
        copies = [file for file in own if file.path not in of_the_target(name)]
        if copies and (run.deleted or run.sent_to != identity):
            why = "deleted" if run.deleted else "unrecorded"
            yield _found(store.label, name, why, copies, run, owned=True)


def in_keyring(keys: KeyStore, names: Iterable[str], known: Inventory) -> Iterator[Orphan]:
    """The staging keys that nobody needs, or that nobody recorded."""
    owned = keys.identity() in known.key_stores()
    for name in names:
        run = known.runs.get(name)
        if run is None or run.staged_in is None:
            yield Orphan("keyring", _shown(name, run), "key-unrecorded", owned=owned, top=name)
        elif run.keyless:
            yield Orphan("keyring", name, "key-unneeded", owned=owned, top=name)


def recorded(records: Iterable[Record]) -> dict[tuple[str, str, str], datetime]:
    """When each finding was first recorded, of those that were not removed since."""
    found: dict[tuple[str, str, str], datetime] = {}
    for record in records:
        if record.kind == "orphans":
            for one in record.data["found"]:
                found.setdefault(_key(one), parse_timestamp(record.at))
        else:
            for one in record.data["removed"]:
                found.pop(_key(one), None)
    return found


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["place"], one["name"], one["why"]


def _by_top(files: Iterable[StoredFile]) -> dict[str, list[StoredFile]]:
    found: dict[str, list[StoredFile]] = {}
    for file in files:
        top = file.path.partition("/")[0]
        if top != _OWN:
            found.setdefault(top, []).append(file)
    return found


def _found(
    place: str, top: str, why: str, files: list[StoredFile], run: KnownRun | None, *, owned: bool
) -> Orphan:
    written = [file.written for file in files if file.written is not None]
    told = len(written) == len(files)
    return Orphan(
        place,
        _shown(top, run),
        why,
        files=len(files),
        size=sum(file.size for file in files),
        oldest=min(written) if told else None,
        newest=max(written) if told else None,
        owned=owned,
        top=top,
    )


def _shown(name: str, run: KnownRun | None) -> str:
    """The name if it is a run's; whoever gave another one may have put a person's into it."""
    if run is not None or _MADE.fullmatch(name):
        return name
    return digested(name)
