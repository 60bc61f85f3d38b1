"""An instruction as a contract: what the standard can say in its fields, all else beside it.

Each field of an instruction has one home from which it is read again: a field of the standard, or a
custom property ``remit.<field>`` of the contract, object or property that it belongs to. Some are
shown in a field of the standard as well; reading a contract holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from remit.instruction.model import Instruction
from remit.instruction.odcs.types import logical
from remit.instruction.tables import Column, Table

API_VERSION = "v3.1.0"
MARK = "remit"
"""The custom property of an exported contract, and with a dot the beginning of the others."""

INSTRUCTION_SAID = ("id", "version", "purpose", "tables")
TABLE_SAID = ("name", "columns")
COLUMN_SAID = ("name", "type", "category", "nullable")
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def contract_of(terms: Instruction, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The contract.

    Args:
        fields: the instruction's, as they are written; `terms` is what they mean.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": terms.id,
        "version": str(terms.version),
        "status": "draft",
        "description": {"purpose": terms.purpose},
        "schema": [
            _object(table, written)
            for table, written in zip(terms.tables, fields["tables"], strict=True)
        ],
        "roles": [
            {"role": r.name, "access": "read", "description": f"{r.legal_name}, {r.country}"}
            for r in terms.recipients
        ],
        "slaProperties": list(_service_levels(terms)),
        "customProperties": _custom(fields, INSTRUCTION_SAID),
    }


def _object(table: Table, fields: Mapping[str, Any]) -> dict[str, Any]:
    ceiling = {
        "type": "library",
        "metric": "rowCount",
        "mustBeLessOrEqualTo": table.rows.maximum,
        "description": "With more rows in scope, nothing leaves",
    }
    return {
        "name": table.name,
        "physicalName": str(table.relation),
        "logicalType": "object",
        "properties": [
            _property(column, written)
            for column, written in zip(table.columns, fields["columns"], strict=True)
        ],
        "quality": [ceiling],
        "customProperties": _custom(fields, TABLE_SAID),
    }


def _property(column: Column, fields: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"name": column.name, "physicalType": fields["type"]}
    said |= logical(column.declared)
    said["classification"] = str(column.category)
    if "nullable" in fields:
        said["required"] = not column.nullable
    if not column.is_kept:
        said["transformDescription"] = column.transformation.words()
    return said | {"customProperties": _custom(fields, COLUMN_SAID)}


def _service_levels(terms: Instruction) -> Iterator[dict[str, Any]]:
    longest = terms.retention.without_confirmation
    unit, seconds = next(
        (unit, seconds) for unit, seconds in _UNITS if not longest % timedelta(seconds=seconds)
    )
    yield {
        "property": "retention",
        "value": longest // timedelta(seconds=seconds),
        "unit": unit,
        "driver": "regulatory",
        "description": "The processor's copies, after extraction at the latest",
    }


def _custom(fields: Mapping[str, Any], said: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"property": MARK if name == MARK else f"{MARK}.{name}", "value": value}
        for name, value in fields.items()
        if name not in said
    ]
