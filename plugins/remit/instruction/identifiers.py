"""What becomes of direct identifiers that stand in a column of text."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from remit.instruction.forms import Strict, said

Kind = Literal["nir", "email", "phone", "iban", "name"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Treatment = Literal["stop", "redact", "count"]


class Identifiers(Strict):
    """Each text is looked through for them before it leaves."""

    treatment: Annotated[
        Treatment,
        said("Where some are found: nothing leaves, they are replaced, or counted", "25(1)"),
    ]
    kinds: Annotated[
        list[Kind],
        Field(min_length=1),
        said("Which are looked for; all if left out", "25(1)", default_factory=lambda: [*KINDS]),
    ]

    @property
    def of_names(self) -> bool:
        """Whether the names of the row's own data subject are looked for."""
        return "name" in self.kinds

    def words(self) -> str:
        """As a plan says it."""
        what = {
            "stop": "with one, nothing leaves",
            "redact": "replaced",
            "count": "left, and counted",
        }
        kinds = "direct identifiers" if set(self.kinds) == set(KINDS) else ", ".join(self.kinds)
        return f"free text: {kinds} {what[self.treatment]}"
