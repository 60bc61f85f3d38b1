"""The judge: hands the rules to Great Expectations and keeps the counts alone of what it says."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from remit.adapters.gx import vocabulary
from remit.adapters.gx.binding import Misfit, bind, declared_types
from remit.errors import Refused, RemitError, Unavailable, UsageError
from remit.ports import Rule, Verdict

if TYPE_CHECKING:
    import pyarrow.dataset
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from remit.adapters.gx.duck import Duck

_SIZE = re.compile(r"[1-9]\d*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
# BASIC is the least that has counts; of the values that it would show, none is asked for.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_LOUD = ("great_expectations", "sqlalchemy")
_BELOW = tuple(f"{name}." for name in _LOUD)


class GxJudge:
    """Judges rules with Great Expectations over DuckDB, in memory.

    Args:
        memory_limit: what DuckDB may use, such as ``256MB``; what is held does not grow with
            the rows, but with the length of values that repeat.

    Raises:
        UsageError: the limit is not a size.
    """

    def __init__(self, memory_limit: str = "256MB") -> None:
        if not _SIZE.fullmatch(memory_limit):
            raise UsageError("memory_limit is not a size such as 256MB.")
        self._memory_limit = memory_limit
        gx, duckdb = version("great-expectations"), version("duckdb")  # without importing them
        self.engine = f"great_expectations {gx} on duckdb {duckdb}"

    def check(self, rules: Sequence[Rule]) -> None:
        """Refuse rules that are not on the allowlist, without importing Great Expectations.

        Raises:
            Refused: expectation-none, expectation-duplicate or expectation-unknown.
        """
        vocabulary.check(rules)

    def judge(
        self,
        extract: pyarrow.dataset.Dataset,
        rules: Sequence[Rule],
        others: Mapping[str, pyarrow.dataset.Dataset] = MappingProxyType({}),
    ) -> list[Verdict]:
        """One verdict per rule, in the order of the rules.

        Args:
            extract: the table's extract, of one or more files.
            others: the extracts of the run's other tables by name, for rules that look things up.

        Raises:
            Refused: as `check`; columns-ambiguous, two columns differ in case alone;
                validation-memory, a rule needs more memory than there may be.
            Unavailable: the extract cannot be read, or the engine does not start.
        """
        self.check(rules)
        for judged in (extract, *others.values()):
            _refuse_ambiguous(judged.schema.names)
        with _silence():
            try:
                return self._judge(extract, rules, others)
            except RemitError:
                raise
            except Exception as error:  # noqa: BLE001  (all that GX and DuckDB may raise)
                kind = type(error).__name__  # its text may hold values
        # Raised here, outside, so that nothing is chained.
        raise Unavailable("validation", f"the extract or the engine gave out ({kind}).")

    def _judge(
        self,
        extract: pyarrow.dataset.Dataset,
        rules: Sequence[Rule],
        others: Mapping[str, pyarrow.dataset.Dataset],
    ) -> list[Verdict]:
        from remit.adapters.gx.duck import VIEW, Duck, Source, other_view  # imports DuckDB
        from remit.adapters.gx.feed import Extract

        sources = {VIEW: Source(Extract(extract), declared_types(extract.schema))}
        for table, other in others.items():
            sources[other_view(table)] = Source(Extract(other), declared_types(other.schema))
        duck = Duck(sources, self._memory_limit)
        try:
            return _Run(
                duck, {table: sources[other_view(table)].types for table in others}
            ).verdicts(rules)
        finally:
            duck.close()


class _Run:
    """One use of Great Expectations on one database."""

    def __init__(self, duck: Duck, others: Mapping[str, Mapping[str, str]]) -> None:
        from remit.adapters.gx.duck import VIEW
        from remit.adapters.gx.execution import ExtractEngine

        judged = duck.sources[VIEW]
        self._duck = duck
        self._types, self._others = judged.types, others
        self._rows = judged.extract.rows
        self._engine = ExtractEngine(duck)

    def verdicts(self, rules: Sequence[Rule]) -> list[Verdict]:
        """One per rule, in their order. Where GX says nothing or more than one thing, an error."""
        results = self._results(self._configurations(rules))
        return [_verdict(rule, results.get(rule.id, []), self._rows) for rule in rules]

    def _configurations(self, rules: Sequence[Rule]) -> list[ExpectationConfiguration]:
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )

        found = []
        for rule in rules:
            try:
                kwargs = bind(rule, self._types, self._others)
            except Misfit:
                continue  # no result: an error
            found.append(ExpectationConfiguration(rule.type, kwargs, meta={"rule": rule.id}))
        return found

    def _results(
        self, configurations: list[ExpectationConfiguration]
    ) -> dict[str, list[ExpectationValidationResult]]:
        """What GX says, by rule. Its own order is not that of the rules."""
        results = self._validate(configurations) if configurations else []
        if self._duck.out_of_memory:
            raise Refused(
                "validation-memory",
                "validation",
                "a rule needs more memory than the judge may use.",
                "make the partitions smaller, drop rules on uniqueness or raise the memory limit.",
            )
        if self._engine.aborted:
            raise Unavailable("validation", "Great Expectations stopped before its end.")
        found: dict[str, list[ExpectationValidationResult]] = {}
        for result in results:
            configuration = result.expectation_config
            if configuration is not None and configuration.meta is not None:
                found.setdefault(configuration.meta["rule"], []).append(result)
        return found

    def _validate(
        self, configurations: list[ExpectationConfiguration]
    ) -> list[ExpectationValidationResult]:
        # The validator that `batch.validate` ends up with, without a data context: a context looks
        # for settings in the home directory and the environment, and stays behind as a global.
        from great_expectations.core.batch import Batch
        from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
        from great_expectations.validator.validator import Validator

        from remit.adapters.gx.duck import VIEW

        table = SqlAlchemyBatchData(execution_engine=self._engine, table_name=VIEW)
        batch = Batch(data=table)  # type: ignore[arg-type]  # annotated for other engines only
        validator = Validator(execution_engine=self._engine, batches=[batch])
        validator.metrics_calculator.show_progress_bars = False
        return validator.graph_validate(
            configurations=configurations, runtime_configuration={"result_format": _RESULT_FORMAT}
        )


def _verdict(rule: Rule, results: Sequence[ExpectationValidationResult], rows: int) -> Verdict:
    """Copy what may be told. Whatever is not as expected is an error."""
    columns = vocabulary.columns_of(rule)
    error = Verdict(rule.id, rule.type, columns, success=False, error=True)
    if len(results) != 1 or _raised(results[0].exception_info):
        return error
    success, result = results[0].success, results[0].result
    elements, unexpected, missing = (
        _count(result.get(name)) for name in ("element_count", "unexpected_count", "missing_count")
    )
    counted = vocabulary.EXPECTATIONS[rule.type].counted
    if counted == "rows" and rows == 0:
        unexpected = unexpected or 0  # SQL's sum of no rows is NULL
    # GX takes a count that it did not get for one of no rows, and passes the rule.
    if (counted and unexpected is None) or (counted == "rows" and elements != rows):
        return error
    if not isinstance(success, bool):
        return error
    return Verdict(rule.id, rule.type, columns, success, False, elements, unexpected, missing)


def _raised(info: Mapping[str, Any] | None) -> bool:
    """Whether GX met an exception: it says so flatly, or by metric."""
    if not info:
        return False
    return info.get("raised_exception") is not False


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value >= 0 and value % 1 == 0 else None  # SQL's sums come as decimals


def _refuse_ambiguous(names: Sequence[str]) -> None:
    if len({name.casefold() for name in names}) < len(names):
        raise Refused(
            "columns-ambiguous",
            "validation",
            "the extract has two columns whose names differ in case alone.",
            "rename one of them in a view of the source.",
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Let nothing be logged or warned: GX logs queries, arguments and tracebacks, with values.

    At DEBUG, SQLAlchemy logs what is found, such as the greatest value of a column.
    """
    tops = [logging.getLogger(name) for name in _LOUD]
    before = [(logger, logger.handlers, logger.propagate) for logger in tops]
    below = [n for n in [*logging.root.manager.loggerDict] if n.startswith(_BELOW)]
    muted = [one for one in map(logging.getLogger, below) if not one.disabled]
    try:
        for logger in tops:
            # Without any handler, logging would write to stderr as a last resort.
            logger.handlers, logger.propagate = [logging.NullHandler()], False
        for logger in muted:
            logger.disabled = True  # it may have handlers of its own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
        for logger in muted:
            logger.disabled = False
