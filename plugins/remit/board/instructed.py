"""A version of an instruction, as much of it as a list of runs shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instructed:
    """One received version; every run under it refers to this one object.

    Attributes:
        digest: of its text, ``sha256:...``.
        controllers: their names, the first named first.
    """

    id: str
    version: int
    digest: str
    controllers: tuple[str, ...]
