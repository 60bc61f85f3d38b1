"""Ways in which a target says that it took a delivery in, besides its signed receipt.

None of them is signed by the target, so none shows more than L2: what is recorded of them is what the
processor itself saw. Each gives a `Finding` when all of it fits the manifest, None while there is
nothing to judge yet, and refuses what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit import canonical
from remit.instruction.confirmation import Level, Way


@dataclass(frozen=True, slots=True)
class Finding:
    """What a target said, and what was found to be so.

    Attributes:
        said: names, counts and digests, as the evidence has them; never a value of a row.
    """

    way: Way
    level: Level
    rows: int
    said: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """By this the same answer is known again."""
        return canonical.sha256(canonical.dumps(dict(self.said)))
