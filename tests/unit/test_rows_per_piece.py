"""How large a piece is: a setting of the deployment."""

from __future__ import annotations

import pytest

from remit.errors import UsageError
from remit.pieces import pieces_wanted
from remit.wiring import Settings


def test_the_environment_says_how_many_rows_a_piece_has() -> None:
    settings = Settings.from_environment({"REMIT_ROWS_PER_PIECE": "250"})
    assert pieces_wanted(1000, settings.rows_per_piece) == 4
    assert pieces_wanted(1001, settings.rows_per_piece) == 5
    assert Settings.from_environment({}).rows_per_piece is None
    assert pieces_wanted(1_000_001, None) == 2


@pytest.mark.parametrize("text", ["0", "-1", "1e6", "1_000", " 5", "9" * 13, "many"])
def test_a_size_that_is_no_number_of_rows_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="REMIT_ROWS_PER_PIECE is a whole number of rows"):
        Settings.from_environment({"REMIT_ROWS_PER_PIECE": text})
