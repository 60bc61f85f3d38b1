"""Reading an instruction's text, without any trust in it yet: what it says, or all that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from remit import canonical
from remit.errors import Refused, UsageError, one_line
from remit.instruction.fields import WHOLE, Field, locate
from remit.instruction.forms import Lacking, Misfit
from remit.instruction.model import Instruction
from remit.instruction.plain_yaml import Document, NotPlainYaml, document_of, json_of
from remit.instruction.vague import SaysNothing


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of an instruction, in words that repeat no value.

    Attributes:
        code: instruction-incomplete (what the law asks for is missing, empty or says nothing),
            instruction-invalid (anything else), or transformation-unknown.
        where: the field, such as ``tables[0].rows.window``.
        message: a sentence; it ends with the law, if the field has one.
        law: such as ``Art. 28(3)(g) GDPR``.
    """

    code: str
    where: str
    line: int
    column: int
    message: str
    law: str | None = None

    @property
    def place(self) -> str:
        """The field, and where in the text it is."""
        return f"instruction field {self.where}, line {self.line}, column {self.column}"


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
        Refused: instruction-incomplete, instruction-invalid or transformation-unknown, naming the
            first field that is wrong.
    """
    found = problems_of(text)
    if isinstance(found, Instruction):
        return found
    raise _refusal(found[0], len(found) - 1)


def problems_of(text: bytes) -> Instruction | list[Problem]:
    """The instruction, or everything that is wrong with it, in the order of the text.

    Groups are judged as a whole (does ``from`` lie before ``to``?) once all of their fields are
    right by themselves.
    """
    try:
        return Instruction.model_validate_json(json_of(text))
    except NotPlainYaml as error:
        return [Problem("instruction-invalid", WHOLE, *error.place, error.message)]
    except ValidationError as error:
        document = document_of(text)
        wrong = error.errors(include_url=False, include_input=False)
        found = {(p.where, p.message): p for p in (_problem(one, document) for one in wrong)}
        return sorted(found.values(), key=lambda problem: (problem.line, problem.column))


def invalid(where: str, message: str) -> Refused:
    """The refusal of a document for what one of its fields says."""
    return Refused(
        "instruction-invalid",
        f"instruction field {where}",
        message,
        "correct the field (docs/instruction.md describes each) and have it signed again.",
    )


def _refusal(problem: Problem, more: int) -> Refused:
    rest = f" ({more} more: remit instruction lint FILE)" if more else ""
    message = problem.message + rest
    if problem.code == "instruction-incomplete":
        return Refused(
            "instruction-incomplete",
            problem.place,
            message,
            "have the controller say it, concretely and for this very case, and sign again.",
        )
    if problem.code == "transformation-unknown":
        return Refused(
            "transformation-unknown",
            problem.place,
            message,
            "instruct one of these transformations, or leave the column out.",
        )
    return Refused(
        "instruction-invalid",
        problem.place,
        message,
        "correct the field (docs/instruction.md describes each) and have it signed again.",
    )


# --- what pydantic found, in an author's words ----------------------------------------------------

_SAID = {
    "missing": "it is missing",
    "string_type": "must be text (in quotes, if YAML takes it for something else)",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "too_short": "must be a list with at least one entry",
    "model_type": "must be a group of fields",
    "dict_type": "must be a group of fields",
    "model_attributes_type": "must be a group of fields",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "timezone_aware": "must have an offset from UTC, such as 2026-01-01T00:00:00+01:00",
    "union_tag_invalid": "there is no such transformation; there are {expected_tags}",
    "union_tag_not_found": "it is missing",
    "json_invalid": "it is nested too deeply, or has half a character",
}
_ABSENT = ("missing", "too_short", "union_tag_not_found")


def _problem(error: ErrorDetails, document: Document) -> Problem:
    kind, cause = error["type"], error.get("ctx", {}).get("error")
    location = [*error["loc"], *(cause.at if isinstance(cause, Misfit) else ())]
    if kind.startswith("union_tag"):
        location.append("kind")
    field = locate(location)
    empty = kind not in (*_ABSENT, "extra_forbidden") and _is_empty(document.value, field.path)
    said = "it is not filled in" if empty else _said(error, field)
    code = "instruction-invalid"
    if field.law and (empty or kind in _ABSENT or isinstance(cause, SaysNothing | Lacking)):
        code = "instruction-incomplete"
    elif kind == "union_tag_invalid":
        code = "transformation-unknown"
    place = document.place(field.path, key=kind == "extra_forbidden")
    message = one_line(said + (f" ({field.law})." if field.law else "."))
    return Problem(code, str(field), *place, message, field.law)


def _said(error: ErrorDetails, field: Field) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        near = get_close_matches(str(field.path[-1])[:64], field.siblings, 1)
        return "there is no such field" + (f"; perhaps {near[0]} is meant" if near else "")
    if isinstance(context.get("error"), SaysNothing) and field.example:
        return f'{context["error"]}; say it as in "{field.example}"'
    if str in field.kinds and int in field.kinds:
        return "must be a name, a whole number, or true or false"
    if kind in _SAID:
        return _SAID[kind].format(**context)
    return error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _is_empty(value: Any, path: Sequence[str | int]) -> bool:
    """Whether the document has nothing there, or a text without a letter or digit."""
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return value is None or (isinstance(value, str) and not any(map(str.isalnum, value)))
