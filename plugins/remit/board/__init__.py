"""The board: what a page that lists runs needs to know of each, in memory, as the evidence has it.

Guarantee: the board says of a run what its records say, or that they are damaged; it can be thrown away
and read from the log again at any time, with the same result.
Not guaranteed: that the log is whole, which `remit evidence verify --all` tells. The board notices a log
that was cut short or replaced, and a record that is not the one that was appended in its place.
"""

from remit.board.board import BeingRead, Board
from remit.board.duties import Certified, Duties
from remit.board.instructed import Instructed
from remit.board.learning import IGNORED, LEARNT, summarise
from remit.board.overview import Line, Overview
from remit.board.query import Found, Query, Readable
from remit.board.state import Damaged
from remit.board.summary import OVERDUE, RunSummary, State

__all__ = [
    "IGNORED",
    "LEARNT",
    "OVERDUE",
    "BeingRead",
    "Board",
    "Certified",
    "Damaged",
    "Duties",
    "Found",
    "Instructed",
    "Line",
    "Overview",
    "Query",
    "Readable",
    "RunSummary",
    "State",
    "summarise",
]
