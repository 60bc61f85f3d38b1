"""The board of runs as the pages use it: one for the process, and of it what a reader may see."""

from __future__ import annotations

from functools import lru_cache

from fastapi import HTTPException

from remit.board import Board, Readable, State
from remit.reviewer.access import Reader
from remit.reviewer.reading import ledger
from remit.wiring import Settings

TONES = {
    State.CONFIRMED: "good",
    State.DELETED: "good",
    State.REFUSED: "bad",
    State.STOPPED: "bad",
    State.OVERDUE: "bad",
    State.LOCKED: "bad",
    State.AWAITS_APPROVAL: "waiting",
    State.AWAITS_RECEIPT: "waiting",
    State.HELD: "waiting",
    State.INTERRUPTED: "waiting",
}
"""How a state looks; the others are quiet. Its words say it as well."""


def board() -> Board:
    """The deployment's board; what is new is read when it is asked.

    Raises:
        Unavailable: as `remit.reviewer.reading.ledger`.
    """
    ledger()  # before anything is kept: there may be none yet
    return _board(Settings.from_environment())


@lru_cache(maxsize=1)
def _board(_: Settings) -> Board:
    return Board(ledger())


def readable(reader: Reader, runs: Board) -> Readable:
    """The DAGs whose runs the reader may see; each is asked for once.

    Raises:
        BeingRead, EvidenceBroken, Unavailable: as `Board.find`.
    """
    dags = sorted(runs.dags(), key=str)
    # As principals of a run of theirs, which is what a reader is asked about.
    asked = [None if dag is None else f"airflow:{dag}/." for dag in dags]
    return {dag for dag, seen in zip(dags, reader.seen(asked), strict=True) if seen}


def require_all(reader: Reader) -> None:
    """Answer 403 unless the reader may see the runs of every DAG: an export holds them all.

    Raises:
        BeingRead, EvidenceBroken, Unavailable: as `Board.find`.
    """
    runs = board()
    seen = readable(reader, runs)
    if any(dag not in seen for dag in runs.dags()):
        raise HTTPException(403)


def tone(state: State) -> str:
    """The look of a state."""
    return TONES.get(state, "quiet")
