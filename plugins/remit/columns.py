"""Declared column types: the one vocabulary that instruction, source and output share.

``boolean integer double string date timestamp timestamptz uuid decimal(p,s)``. Each has one Arrow
type in the output. A uuid leaves as its 36-character text, which every reader of Parquet knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SIMPLE = ("boolean", "integer", "double", "string", "date", "timestamp", "timestamptz", "uuid")
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A declared type: its name, and for decimals the precision (1 to 38) and scale."""

    name: str
    precision: int = 0
    scale: int = 0

    @classmethod
    def parse(cls, text: str) -> ColumnType:
        """Read ``integer`` or ``decimal(12,3)``.

        Raises:
            ValueError: not one of the known types.
        """
        if text in SIMPLE:
            return cls(text)
        match = _DECIMAL.fullmatch(text.replace(" ", ""))
        if match:
            precision, scale = int(match[1]), int(match[2])
            if 1 <= precision <= 38 and scale <= precision:
                return cls("decimal", precision, scale)
        raise ValueError(f"unknown type; known are {', '.join(SIMPLE)} and decimal(p,s)")

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name

    def arrow(self) -> pa.DataType:
        """The Arrow type of the output column."""
        import pyarrow as pa  # not at the top: DAG parsing imports this module, not pyarrow

        if self.name == "decimal":
            return pa.decimal128(self.precision, self.scale)
        return {
            "boolean": pa.bool_(),
            "integer": pa.int64(),
            "double": pa.float64(),
            "string": pa.string(),
            "date": pa.date32(),
            "timestamp": pa.timestamp("us"),
            "timestamptz": pa.timestamp("us", tz="UTC"),
            "uuid": pa.string(),
        }[self.name]
