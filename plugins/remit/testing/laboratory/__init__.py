"""A synthetic French laboratory information system of any size, made from a seed.

No row describes a person: names come from short lists, telephone numbers from the ranges kept
for fiction, e-mail addresses from a reserved top-level domain.
"""

from remit.testing.laboratory.generator import BOUNDARIES, Laboratory
from remit.testing.laboratory.schema import TABLES, Column, Table

__all__ = ["BOUNDARIES", "TABLES", "Column", "Laboratory", "Table"]
