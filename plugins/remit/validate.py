"""Validate: the encrypted extract, judged by rules, reported without a value.

Guarantee: every rule of the pinned suites and every rule that the instruction implies was judged
over every row of the extract, and a rule that could not be judged counts as failed.
Not guaranteed: that the rules are good ones; they are reviewed with the instruction that pins them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from remit import canonical
from remit.errors import Refused
from remit.instruction import Column, Instruction, Suite, Table, VerifiedInstruction
from remit.ports import Judge, Membership, Rule, Store, Verdict
from remit.sealed_parquet import FileContext, KeyOpener, dataset

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True)
class TableReport:
    """What came of one table's rules."""

    table: str
    rows: int
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """The rules that did not hold, or could not be judged."""
        return [verdict for verdict in self.verdicts if not verdict.success]


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All tables; holds names, counts and verdicts, never a value."""

    engine: str
    tables: tuple[TableReport, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as evidence gives it."""
        return {
            "engine": self.engine,
            "tables": [
                {
                    "table": table.table,
                    "rows": table.rows,
                    "passed": len(table.verdicts) - len(table.failed),
                    "failed": len(table.failed),
                    "verdicts": [_verdict_json(verdict) for verdict in table.verdicts],
                }
                for table in self.tables
            ],
        }

    def require_passed(self) -> None:
        """Refuse (validation-failed) unless every rule of every table held."""
        failures = [(table.table, verdict) for table in self.tables for verdict in table.failed]
        if not failures:
            return
        table, verdict = failures[0]
        what = "could not be judged" if verdict.error else f"fails on {verdict.unexpected} rows"
        if not verdict.error and verdict.unexpected is None:
            what = "does not hold"
        more = f"; {len(failures) - 1} more rules failed" if len(failures) > 1 else ""
        raise Refused(
            "validation-failed",
            f"{table} rule {verdict.rule}",
            f"{verdict.type} {what}{more}. The extract is made unreadable and deleted.",
            "correct the data at the source, or the rule with the controller; then run anew.",
        )


def load_rules(terms: Instruction, folder: Path, judge: Judge) -> dict[str, list[Rule]]:
    """The pinned rules of each table, checked to be ones that the judge knows.

    Raises:
        Refused: suite-missing, suite-changed, suite-invalid, expectation-unknown.
    """
    rules: dict[str, list[Rule]] = {table.name: [] for table in terms.tables}
    for suite in terms.expectations:
        rules[suite.table] = _load_suite(suite, folder)
        judge.check(rules[suite.table])
    return rules


def implied_rules(table: Table, rows: int) -> list[Rule]:
    """The rules that the instruction itself states, for the judge to hold the output to."""
    query = table.query()
    names = [name for name, _ in query.columns]
    rules = [
        Rule(
            "remit.columns",
            "expect_table_columns_to_match_set",
            {"column_set": names, "exact_match": True},
            "exactly the columns instructed",
        ),
        Rule("remit.rows", "expect_table_row_count_to_equal", {"value": rows}, "all rows read"),
    ]
    for column in table.columns:
        rules += _column_rules(column)
    return rules + _scope_rules(table, {column.name for column in table.columns if column.is_kept})


def _column_rules(column: Column) -> list[Rule]:
    uuid = column.delivered.name == "uuid"
    named: dict[str, Any] = {"column": column.name}
    of_type = named | {"type_": "string" if uuid else str(column.delivered)}
    kind = "expect_column_values_to_be_of_type"
    rules = [Rule(f"remit.type.{column.name}", kind, of_type, "type instructed")]
    if uuid:  # leaves as text, so its form is judged as well
        kind = "expect_column_values_to_match_regex"
        rules.append(Rule(f"remit.uuid.{column.name}", kind, named | {"regex": _UUID}, "uuid"))
    if not column.nullable:
        kind = "expect_column_values_to_not_be_null"
        rules.append(Rule(f"remit.filled.{column.name}", kind, named, "not nullable"))
    return rules


def _scope_rules(table: Table, names: set[str]) -> list[Rule]:
    """Limits on columns that leave as they are; the others were checked before rows were written."""
    query, rules = table.query(), []
    if query.window and query.window.column in names:
        kwargs = {
            "column": query.window.column,
            "min_value": query.window.start,
            "max_value": query.window.end,
            "strict_max": True,
        }
        kind = "expect_column_values_to_be_between"
        rules.append(Rule("remit.window", kind, kwargs, "rows inside the window"))
    for membership in query.memberships:
        if membership.column in names:
            kwargs = {"column": membership.column, "value_set": _typed_values(membership)}
            kind = "expect_column_values_to_be_in_set"
            rules.append(Rule(f"remit.listed.{membership.column}", kind, kwargs, "sites and codes"))
    return rules


def _typed_values(membership: Membership) -> list[Any]:
    """The values as the delivered column has them."""
    if membership.type.name in ("integer", "decimal"):
        return [int(value) for value in membership.values]
    return list(membership.values)


def _load_suite(suite: Suite, folder: Path) -> list[Rule]:
    path = folder / suite.file
    try:
        text = path.read_bytes()
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
    return _parse_suite(suite, text)


def _parse_suite(suite: Suite, text: bytes) -> list[Rule]:
    try:
        fields = yaml.safe_load(text)
        rules = [_parse_rule(entry) for entry in fields["expectations"]]
        if set(fields) != {"name", "expectations"} or not rules:
            raise ValueError
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        raise Refused(
            "suite-invalid",
            suite.file,
            "it is not `name` and a list of `expectations`, each with id, type, kwargs and reason.",
            "see docs/expectations.md for the form.",
        ) from None
    return rules


def _parse_rule(entry: Mapping[str, Any]) -> Rule:
    if set(entry) != {"id", "type", "kwargs", "reason"}:
        raise ValueError
    texts = [entry["id"], entry["type"], entry["reason"]]
    if not all(isinstance(text, str) and text for text in [*texts, *entry["kwargs"]]):
        raise ValueError
    if not isinstance(entry["kwargs"], dict) or entry["id"].startswith("remit."):
        raise ValueError  # those ids are for what the instruction implies
    return Rule(**entry)


def judge_table(
    judge: Judge, extract: Any, table: Table, rows: int, pinned: Sequence[Rule]
) -> TableReport:
    """Judge one table's extract (a pyarrow dataset)."""
    rules = [*implied_rules(table, rows), *pinned]
    judge.check(rules)
    verdicts = judge.judge(extract, rules)
    if [verdict.rule for verdict in verdicts] != [rule.id for rule in rules]:
        raise Refused(
            "validation-incomplete",
            table.name,
            "not every rule has a verdict.",
            "this is a defect of the judge; please report it.",
        )
    return TableReport(table.name, rows, tuple(verdicts))


def validate(
    instruction: VerifiedInstruction,
    run: str,
    files: Sequence[Mapping[str, Any]],
    staging: Store,
    opener: KeyOpener,
    judge: Judge,
    suites: Path,
) -> ValidationReport:
    """Judge every staged file, decrypting in memory with the staging key.

    Args:
        files: the staged files, as evidence records them.
        opener: opens file keys with the run's staging key.
        suites: the folder of expectation files.

    Raises:
        Refused: a file is not the one that was staged, or a suite is not the one pinned.
    """
    terms, reports = instruction.terms, []
    rules = load_rules(terms, suites, judge)
    for file in files:
        with open_recorded(staging, run, file) as opened:
            context = FileContext(instruction.digest, run, file["name"])
            extract = dataset(opened, opener, context)
            table = terms.table(file["table"])
            reports.append(judge_table(judge, extract, table, file["rows"], rules[table.name]))
    return ValidationReport(judge.engine, tuple(reports))


@contextmanager
def open_recorded(staging: Store, run: str, file: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """Open a staged file whose bytes are those that were recorded.

    Raises:
        Refused: file-changed, when it is another or gone.
    """
    try:
        opened = staging.open(f"{run}/{file['name']}")
    except FileNotFoundError:
        raise file_changed(file["name"], "it is gone from staging") from None
    with opened:
        if canonical.sha256_of(opened) != file["sha256"]:
            raise file_changed(
                file["name"], "its bytes are not those that were recorded when it was written"
            )
        yield opened


def file_changed(name: str, what: str) -> Refused:
    """The refusal of a staged file that is not what was written."""
    return Refused(
        "file-changed",
        name,
        f"{what}.",
        "the run cannot go on with it; find out who can write there, then run anew.",
    )


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    fields = asdict(verdict)
    fields["columns"] = list(verdict.columns)
    return fields
