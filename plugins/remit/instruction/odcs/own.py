"""A contract that was exported from an instruction, read back into that instruction.

It is a draft again: whoever can write a file can write these properties too, and only the
controller's signature makes them bind. What the standard's own fields say must agree with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from remit.errors import Refused
from remit.instruction.model import Instruction
from remit.instruction.odcs.contract import (
    Contract,
    CustomProperty,
    Object,
    Property,
    invalid,
    joined,
    leaves,
)
from remit.instruction.odcs.exporting import (
    COLUMN_SAID,
    INSTRUCTION_SAID,
    MARK,
    TABLE_SAID,
    contract_of,
)
from remit.instruction.reading import parse
from remit.instruction.tables import Column, Table

_HEAD = """\
# From a contract that was exported from an instruction. It is not signed: read it as if it were new
# (remit instruction show FILE), for nothing binds until the controller signs it.
"""
_IDENTITIES = ("property", "name", "role", "metric")


def is_own(contract: Contract) -> bool:
    """Whether a contract says that it was exported from an instruction."""
    return any(each.property == MARK for each in contract.custom_properties or [])


def restored(contract: Contract, given: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The instruction's text, and where the leaves are that are no part of it.

    Args:
        given: all of the contract's fields, as they were written.

    Raises:
        Refused: odcs-invalid, odcs-contradiction.
    """
    fields = _instruction(contract)
    text = _HEAD + yaml.dump(
        fields, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=100
    )
    expected = contract_of(_understood(text), fields)
    del expected["apiVersion"]  # another version 3, or another status, changes nothing
    if given.get("status") != expected["status"]:
        del expected["status"]
    carried = {"apiVersion", *_agreed(expected, given, "")}
    return text, [path for path in leaves(given) if path not in carried]


def _understood(text: str) -> Instruction:
    try:
        return parse(text.encode())
    except Refused as refusal:
        raise invalid(f"as {refusal.where}", refusal.message) from None


def _instruction(contract: Contract) -> dict[str, Any]:
    version = str(contract.version)
    said = {
        "id": contract.id,
        "version": int(version) if version.isdecimal() and len(version) < 16 else version,
        "purpose": contract.description.purpose if contract.description else None,
        "tables": [
            _table(each, joined("schema", number))
            for number, each in enumerate(contract.objects or [])
            if _own(each.custom_properties, joined("schema", number))
        ],
    }
    own = _own(contract.custom_properties, "")
    return _together(said, own, INSTRUCTION_SAID, list(Instruction.model_fields))


def _table(each: Object, path: str) -> dict[str, Any]:
    said = {
        "name": each.name,
        "columns": [
            _column(inner, f"{path}.properties[{number}]")
            for number, inner in enumerate(each.properties or [])
            if _own(inner.custom_properties, f"{path}.properties[{number}]")
        ],
    }
    return _together(said, _own(each.custom_properties, path), TABLE_SAID, list(Table.model_fields))


def _column(each: Property, path: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": each.name,
        "type": each.physical_type,
        "category": each.classification,
    }
    if each.required is not None:
        said["nullable"] = not each.required
    own = _own(each.custom_properties, path)
    return _together(said, own, COLUMN_SAID, list(Column.model_fields))


def _own(given: Sequence[CustomProperty] | None, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, each in enumerate(given or []):
        if each.property == MARK or each.property.startswith(f"{MARK}."):
            name = each.property.removeprefix(f"{MARK}.")
            if name in found:
                where = joined(joined(path, "customProperties"), number)
                raise invalid(where, f"{each.property} is there twice.")
            found[name] = each.value
    return found


def _together(
    said: dict[str, Any], own: dict[str, Any], fields: tuple[str, ...], order: list[str]
) -> dict[str, Any]:
    """What the standard's fields and the custom properties say, in the instruction's own order."""
    if twice := sorted(own.keys() & set(fields)):
        raise invalid(
            f"customProperties {MARK}.{twice[0]}", "it is said by a field of the standard."
        )
    both = {name: value for name, value in said.items() if value is not None} | own
    return {name: both[name] for name in sorted(both, key=lambda n: _place(n, order))}


def _place(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


def _agreed(expected: Any, given: Any, path: str) -> Iterator[str]:
    """The leaves of `given` that say what is expected.

    Raises:
        Refused: odcs-contradiction, where one says something else.
    """
    if isinstance(expected, dict) and isinstance(given, dict):
        if str(expected.get("property", "")).partition(".")[0] == MARK:
            yield from leaves(given, path)  # from here the instruction was read
            return
        for key, value in expected.items():
            yield from _agreed(value, given.get(key), joined(path, key))
    elif isinstance(expected, list) and isinstance(given, list):
        for item in expected:
            number = next((n for n, each in enumerate(given) if _same(item, each)), None)
            if number is None:
                raise _contradiction(path)
            yield from _agreed(item, given[number], joined(path, number))
    elif type(expected) is type(given) and expected == given:
        yield path
    else:
        raise _contradiction(path)


def _same(expected: Mapping[str, Any], given: Any) -> bool:
    """Whether both are about the same thing, whatever they say of it."""
    name = next(key for key in _IDENTITIES if key in expected)
    return isinstance(given, dict) and given.get(name) == expected[name]


def _contradiction(path: str) -> Refused:
    return Refused(
        "odcs-contradiction",
        f"contract {path}",
        "it does not say what the properties of remit in this contract say.",
        "change both, or export the instruction again (remit instruction export FILE).",
    )


class PlainDumper(yaml.SafeDumper):
    """Writes everything out: an instruction has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Always."""
        return True
