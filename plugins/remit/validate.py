"""Validate: the encrypted extract, judged by rules, reported without a value.

Guarantee: every rule of the pinned suites and every rule that the instruction implies was judged
over every row of the extract, and a rule that could not be judged counts as failed.
Not guaranteed: that the rules are good ones; they are reviewed with the instruction that pins them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from remit import canonical
from remit.errors import Refused
from remit.instruction import Column, Table, VerifiedInstruction
from remit.ports import Judge, Membership, Rule, Store
from remit.report import TableReport, ValidationReport, finding
from remit.sealed_parquet import FileContext, KeyOpener, dataset, together
from remit.suites import load_rules

__all__ = [
    "file_changed",
    "implied_rules",
    "judge_table",
    "load_rules",
    "open_recorded",
    "validate",
]

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


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
    query = table.query()
    scope: list[dict[str, Any]] = [
        {"column": one.column, "in": _typed_values(one)}
        for one in query.memberships
        if one.column in names
    ]
    window = query.window
    if window and window.column in names:
        scope.append({"column": window.column, "from": window.start, "until": window.end})
    kind = "expect_rows_to_be_in_scope"
    return [Rule("remit.scope", kind, {"scope": scope}, "rows instructed")] if scope else []


def _typed_values(membership: Membership) -> list[Any]:
    """The values as the delivered column has them."""
    if membership.type.name in ("integer", "decimal"):
        return [int(value) for value in membership.values]
    return list(membership.values)


def judge_table(
    judge: Judge,
    extracts: Mapping[str, Any],
    table: Table,
    rows: int,
    pinned: Sequence[Rule],
    small_counts: int,
) -> TableReport:
    """Judge one table's extract; small counts are masked in what is told.

    Args:
        extracts: those of all tables by name, as pyarrow datasets; rules may look things up in others.
    """
    rules = [*implied_rules(table, rows), *pinned]
    judge.check(rules)
    others = {name: extract for name, extract in extracts.items() if name != table.name}
    verdicts = judge.judge(extracts[table.name], rules, others)
    if [verdict.rule for verdict in verdicts] != [rule.id for rule in rules]:
        raise Refused(
            "validation-incomplete",
            table.name,
            "not every rule has a verdict.",
            "this is a defect of the judge; please report it.",
        )
    told = [
        finding(rule, verdict, small_counts) for rule, verdict in zip(rules, verdicts, strict=True)
    ]
    return TableReport(table.name, rows, tuple(told))


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
    with ExitStack() as held:
        extracts: dict[str, list[Any]] = {}
        for file in files:
            opened = held.enter_context(open_recorded(staging, run, file))
            context = FileContext(instruction.digest, run, file["name"])
            extracts.setdefault(file["table"], []).append(dataset(opened, opener, context))
        whole = {name: together(parts) for name, parts in extracts.items()}
        for table in terms.tables:
            rows = sum(file["rows"] for file in files if file["table"] == table.name)
            pinned, small = rules[table.name], terms.reporting.small_counts
            reports.append(judge_table(judge, whole, table, rows, pinned, small))
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
