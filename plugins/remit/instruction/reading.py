"""Reading an instruction's text, without any trust in it yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from remit import canonical
from remit.errors import Refused, UsageError
from remit.instruction.model import Instruction
from remit.instruction.plain_yaml import NotPlainYaml, load


def read(path: Path) -> bytes:
    """The bytes of an instruction file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the instruction {path}: {error.strerror}.") from None


def digest_of(text: bytes) -> str:
    """How runs, manifests and evidence name this very text."""
    return canonical.sha256(text)


def parse(text: bytes) -> Instruction:
    """Read an instruction without any trust in it.

    Raises:
        Refused: instruction-invalid, naming the field.
    """
    problems = problems_of(text)
    if isinstance(problems, Instruction):
        return problems
    where, message = problems[0]
    more = f" ({len(problems) - 1} more: remit instruction lint FILE)" if len(problems) > 1 else ""
    raise invalid(where, message + more)


def problems_of(text: bytes) -> Instruction | list[tuple[str, str]]:
    """The instruction, or each field that is wrong with what is wrong there."""
    try:
        return Instruction.model_validate_json(json.dumps(load(text)))
    except ValidationError as error:
        return [
            (_path(problem["loc"]), _said(problem["type"], problem["msg"]))
            for problem in error.errors(include_url=False, include_input=False)
        ]
    except NotPlainYaml as error:
        return [(error.where, error.message)]


_SAID = {  # pydantic's kinds of error in an author's words
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "must be text (in quotes, if YAML takes it for something else)",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list with at least one entry",
    "too_short": "must be a list with at least one entry",
    "model_type": "must be a group of fields",
    "model_attributes_type": "must be a group of fields",
    "greater_than": "must be more than 0",
    "greater_than_equal": "must be 1 or more",
    "timezone_aware": "must have an offset from UTC, such as 2026-01-01T00:00:00+01:00",
}


def _said(kind: str, message: str) -> str:
    said = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return _SAID.get(kind, said) + "."


def invalid(where: str, message: str) -> Refused:
    """The refusal of a document for what one of its fields says."""
    return Refused(
        "instruction-invalid",
        f"instruction field {where}",
        message,
        "correct the field (docs/instruction.md describes each) and have it signed again.",
    )


def _path(location: Sequence[str | int]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".") or "(whole document)"
