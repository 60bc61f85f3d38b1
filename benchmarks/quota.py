"""A part of a core for a process and its children, by a Linux control group of the CPU (version 1 or 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PERIOD_US = 100_000
_V1 = Path("/sys/fs/cgroup/cpu")
_V2 = Path("/sys/fs/cgroup")


@contextmanager
def quota(name: str, cores: float) -> Iterator[Path]:
    """A group that gets so much of the machine; write a process id to the path that this gives.

    Raises:
        SystemExit: groups cannot be made here (it takes root).
    """
    limit = str(round(cores * _PERIOD_US))
    root, settings = (
        (_V1, {"cpu.cfs_period_us": str(_PERIOD_US), "cpu.cfs_quota_us": limit})
        if _V1.is_dir()
        else (_V2, {"cpu.max": f"{limit} {_PERIOD_US}"})
    )
    group = root / f"remit-benchmark-{name}"
    try:
        group.mkdir(exist_ok=True)
        for file, value in settings.items():
            (group / file).write_text(value)
    except OSError as error:
        raise SystemExit(
            f"{group}: no control group of the CPU can be made ({error.strerror})."
        ) from None
    try:
        yield group / "cgroup.procs"
    finally:
        group.rmdir()
