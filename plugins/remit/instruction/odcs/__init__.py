"""Contracts of the Open Data Contract Standard (ODCS), version 3: imported as drafts, and exported.

Guarantee: a contract widens nothing. An import is text that no signature covers; in it every column
is withheld, unless the contract was exported from an instruction, whose columns it then has. What
it cannot carry is named, leaf by leaf.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from remit.instruction.odcs.contract import read, unread
from remit.instruction.odcs.drafting import drafted
from remit.instruction.odcs.exporting import MARK, contract_of
from remit.instruction.odcs.own import PlainDumper, is_own, restored
from remit.instruction.plain_yaml import load
from remit.instruction.reading import parse

__all__ = ["Exported", "Imported", "export_contract", "import_contract", "summarised"]

_HEAD = """\
# Exported from an instruction. Its signatures are not here: this contract instructs nobody.
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """A draft, and the paths of the contract's leaves that are not in it."""

    text: str
    not_carried: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """A contract, and where it keeps what the standard has no field for."""

    text: str
    kept: tuple[str, ...]


def import_contract(text: bytes) -> Imported:
    """A draft of an instruction.

    Raises:
        Refused: odcs-invalid, odcs-version, odcs-contradiction.
    """
    contract, fields = read(text)
    if is_own(contract):
        restored_text, left = restored(contract, fields)
        return Imported(restored_text, tuple(left))
    return Imported(drafted(contract), tuple(unread(contract)))


def export_contract(text: bytes) -> Exported:
    """The instruction as a contract.

    Raises:
        Refused: instruction-invalid.
    """
    contract = contract_of(parse(text), load(text))
    written = yaml.dump(
        contract, Dumper=PlainDumper, sort_keys=False, allow_unicode=True, width=100
    )
    return Exported(_HEAD + written, tuple(dict.fromkeys(_kept(contract, ""))))


def summarised(paths: Iterable[str]) -> list[str]:
    """Paths without the places in lists, each once with how often it occurs."""
    counts = Counter(re.sub(r"\[\d+\]", "[]", path) for path in paths)
    return [f"{path} ({n} times)" if n > 1 else path for path, n in counts.items()]


def _kept(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _kept(item, f"{path}[]")
    elif isinstance(value, dict):
        if str(value.get("property", "")).partition(".")[0] == MARK:
            yield f"{path.removesuffix('[]')}: {value['property']}"
        else:
            for key, inner in value.items():
                yield from _kept(inner, f"{path}.{key}".lstrip("."))
