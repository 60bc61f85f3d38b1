"""Files of expectations: the rules that people review, pinned by the instruction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remit.errors import Refused
from remit.instruction import Instruction, Suite
from remit.instruction.plain_yaml import NotPlainYaml, load
from remit.ports import Judge, Rule

REQUIRED = ("id", "type", "kwargs", "reason")
SEVERITIES = ("stop", "warn")
IMPLIED = "remit."
"""With this begin the ids of the rules that an instruction implies."""
_LONGEST_ID = 100


def load_rules(terms: Instruction, folder: Path, judge: Judge) -> dict[str, list[Rule]]:
    """The pinned rules of each table, checked to be ones that the judge knows.

    Raises:
        Refused: suite-missing, suite-changed, suite-invalid, expectation-unknown,
            expectation-duplicate.
    """
    rules: dict[str, list[Rule]] = {table.name: [] for table in terms.tables}
    for suite in terms.expectations:
        rules[suite.table] = parse_rules(suite.file, _pinned(suite, folder))
        judge.check(rules[suite.table])
    return rules


def _pinned(suite: Suite, folder: Path) -> bytes:
    try:
        text = (folder / suite.file).read_bytes()
    except OSError:
        raise Refused(
            "suite-missing",
            suite.file,
            "the instruction pins this file of expectations, but it cannot be read.",
            f"put the file in {folder}.",
        ) from None
    if hashlib.sha256(text).hexdigest() != suite.sha256:
        raise Refused(
            "suite-changed",
            suite.file,
            "it is not the file that the instruction pins by its digest.",
            "restore it, or have an instruction signed that pins the new one (sha256sum FILE).",
        )
    return text


def parse_rules(file: str, text: bytes) -> list[Rule]:
    """The rules of a file.

    Args:
        file: its name, for refusals.

    Raises:
        Refused: suite-invalid, with the rule and what is wrong there.
    """
    try:
        fields = load(text)
    except NotPlainYaml as error:
        raise _invalid(f"{file} line {error.place.line}", error.message) from None
    if not isinstance(fields, dict) or set(fields) != {"name", "expectations"}:
        raise _invalid(file, "it is not a `name` and a list of `expectations`, and nothing else.")
    if not _is_said(fields["name"]):
        raise _invalid(file, "`name` is empty.")
    entries = fields["expectations"]
    if not isinstance(entries, list) or not entries:
        raise _invalid(file, "`expectations` is not a list of one rule or more.")
    return [_rule(file, number, entry) for number, entry in enumerate(entries, start=1)]


def _rule(file: str, number: int, entry: Any) -> Rule:
    named = isinstance(entry, dict) and _is_said(entry.get("id"))
    where = f"{file} rule {entry['id']}" if named else f"{file} rule number {number}"
    if not isinstance(entry, dict):
        raise _invalid(where, f"it is not a group of {', '.join(REQUIRED)}.")
    problem = _stray(entry) or _misformed(entry)
    if problem:
        raise _invalid(where, problem)
    return Rule(**entry, file=file)


def _stray(entry: Mapping[str, Any]) -> str:
    for name in REQUIRED:
        if name not in entry:
            return f"`{name}` is not given."
    for name in entry:
        if name not in (*REQUIRED, "severity"):
            return f"`{name}` is no field of a rule."
    return ""


def _misformed(entry: Mapping[str, Any]) -> str:
    for name in ("id", "type", "reason"):
        if not _is_said(entry[name]):
            return f"`{name}` is empty or no text."
    if entry["id"].startswith(IMPLIED):
        return f"an id that begins with `{IMPLIED}` is for what the instruction implies."
    if len(entry["id"]) > _LONGEST_ID:
        return f"the id has more than {_LONGEST_ID} characters."
    if not isinstance(entry["kwargs"], dict):
        return "`kwargs` is not a group of arguments."
    if entry.get("severity", "stop") not in SEVERITIES:
        return f"`severity` is none of {', '.join(SEVERITIES)}."
    return ""


def _is_said(text: Any) -> bool:
    return isinstance(text, str) and any(map(str.isalnum, text))


def _invalid(where: str, message: str) -> Refused:
    return Refused(
        "suite-invalid",
        where,
        message,
        "correct the file as docs/expectations.md describes, and have its new digest instructed.",
    )
