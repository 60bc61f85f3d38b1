"""What is refused of an extract that is divided into pieces."""

from __future__ import annotations

import pytest

from remit.custody import Divided
from remit.pieces import Piece
from remit.ports import Part


@pytest.mark.vector("pieces-missing")
def test_pieces_that_were_never_staged_from_the_state_that_is_gone(world, up_to, refuses) -> None:
    run = up_to(world, "plan")
    parts = [Part("blocks", None, "9"), Part("blocks", "9", None)]
    pieces = [Piece("results", f"{n}.parquet", n, 2, part) for n, part in enumerate(parts, 1)]
    division = {"division": "d", "state": "0-1-1", "pieces": [one.as_json() for one in pieces]}
    run.record("divided", division | {"rows": {"results": 2}, "staging_key": "none"})

    with refuses(at=f"run {run.id}", saying="2 of its 2 pieces are not staged"):
        Divided(run).gather()
    assert not run.story.has("stopped")
    assert not run.story.has("extracted")
