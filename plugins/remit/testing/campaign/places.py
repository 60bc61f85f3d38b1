"""Where the parties of a run keep things: folders, or stores behind a network that can be disturbed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.errors import Unavailable, UsageError
from remit.testing.campaign.driver import SMALL
from remit.testing.world import World

_DISK_MB = 24


@dataclass
class Place:
    """A world, and what can be done to its surroundings.

    Attributes:
        environment: the processor's settings. landing: the landing zone's specification.
        network: what is in between, if anything is.
        small: whether all of it is on a small disk that may be filled.
    """

    world: World
    environment: dict[str, str]
    landing: str
    network: Any = None
    small: bool = False


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of a few megabytes at `folder`, where we may mount one; whether it is one."""
    folder.mkdir(parents=True, exist_ok=True)
    size = ("-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs")
    mounted = os.geteuid() == 0 and _done("mount", *size, str(folder))
    try:
        yield mounted
    finally:
        if mounted and not _done("umount", "--lazy", str(folder)):
            raise Unavailable(str(folder), "the small disk cannot be unmounted.")


def _done(program: str, *arguments: str) -> bool:
    """Whether a program is there and succeeds."""
    path = shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if path is None:
        return False
    return not subprocess.run([path, *arguments], check=False, capture_output=True).returncode  # noqa: S603


@contextmanager
def placed(kind: str, root: Path, patients: int) -> Iterator[Place]:
    """A world whose stores are of that kind: ``folder``."""
    if kind != "folder":
        raise UsageError(f"there is no place of the kind {kind}.")
    world, disk = World(root, patients), os.statvfs(root)
    small = disk.f_blocks * disk.f_frsize <= SMALL
    yield Place(world, dict(world.environment), str(world.landing_path), small=small)
