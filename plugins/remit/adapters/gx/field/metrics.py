"""What the field's expectations count, on DuckDB (through SQLAlchemy) and on pandas.

Both engines mean the same: texts are judged by the functions of `texts`, numbers are compared as
doubles. Import this only where rules are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes  # noqa: TID253
from great_expectations.core.metric_function_types import (  # noqa: TID253
    MetricPartialFunctionTypes,
)
from great_expectations.execution_engine.pandas_execution_engine import (  # noqa: TID253
    PandasExecutionEngine,
)
from great_expectations.execution_engine.sqlalchemy_execution_engine import (  # noqa: TID253
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (  # noqa: TID253
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (  # noqa: TID253
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import (  # noqa: TID253
    metric_partial,
    metric_value,
)
from great_expectations.expectations.metrics.table_metric_provider import (  # noqa: TID253
    TableMetricProvider,
)

from remit.adapters.gx.field import texts

if TYPE_CHECKING:
    import pandas as pd


def _call(name: str, *arguments: Any) -> sa.ColumnElement[bool]:
    return sa.Function(name, *arguments, type_=sa.Boolean())


def _arrow(values: pd.Series[Any]) -> pa.Array:
    return pa.array(values, pa.string(), from_pandas=True)


def _series(judged: pa.Array, like: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(judged.to_numpy(zero_copy_only=False).astype(bool), index=like.index)


class _OfText(ColumnMapMetricProvider):
    """Judged by one of `texts.FUNCTIONS`, by the text alone."""

    function: ClassVar[str] = ""

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], **_: Any) -> pd.Series[Any]:  # noqa: N805
        return _series(texts.FUNCTIONS[cls.function][0](_arrow(column)), column)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return _call(cls.function, column)


class Loinc(_OfText):
    """Values that are LOINC codes."""

    condition_metric_name = "column_values.remit.loinc"
    function = "remit_loinc"


class Ucum(_OfText):
    """Values that are units of UCUM."""

    condition_metric_name = "column_values.remit.ucum"
    function = "remit_ucum"


class Nir(_OfText):
    """Values that are NIR."""

    condition_metric_name = "column_values.remit.nir"
    function = "remit_nir"


class NoIdentifiers(ColumnMapMetricProvider):
    """Values in which no direct identifier of some kinds is found."""

    condition_metric_name = "column_values.remit.no_identifiers"
    condition_value_keys = ("kinds",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series[Any], kinds: Sequence[str], **_: Any) -> pd.Series[Any]:  # noqa: N805
        asked = pa.array([",".join(kinds)] * len(column), pa.string())
        return _series(texts.hold_no_identifiers(_arrow(column), asked), column)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, kinds: Sequence[str], **_: Any) -> Any:  # noqa: N805
        return _call("remit_no_identifiers", column, ",".join(kinds))


_Holds = Callable[..., "pd.Series[Any]"]


def _of_rows(holds: _Holds) -> Any:
    """A condition on pandas that sees the whole rows in which the column has a value.

    Great Expectations shows a condition on a column that column alone.
    """

    @metric_partial(
        engine=PandasExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.MAP_CONDITION_SERIES,
        domain_type=MetricDomainTypes.COLUMN,
    )
    def condition(
        cls: type,  # noqa: ARG001
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> Any:
        rows, compute, accessor = execution_engine.get_compute_domain(
            domain_kwargs=metric_domain_kwargs, domain_type=MetricDomainTypes.COLUMN
        )
        rows = rows[rows[accessor["column"]].notnull()]
        return ~holds(rows, rows[accessor["column"]], **metric_value_kwargs), compute, accessor

    return condition


def _no_names(
    rows: pd.DataFrame, column: pd.Series[Any], name_columns: Sequence[str]
) -> pd.Series[Any]:
    names = zip(*(_arrow(rows[name]).to_pylist() for name in name_columns), strict=True)
    found = texts.hold_no_names(_arrow(column), pa.array(map(list, names), pa.list_(pa.string())))
    return _series(found, column)


class NoNames(ColumnMapMetricProvider):
    """Values in which no name from other columns of the row is found."""

    condition_metric_name = "column_values.remit.no_names"
    condition_value_keys = ("name_columns",)

    _pandas = _of_rows(_no_names)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, name_columns: Sequence[str], **_: Any) -> Any:  # noqa: N805
        return _call("remit_no_names", column, sa.func.list_value(*map(sa.column, name_columns)))


Range = Mapping[str, Any]


def _by_code(ranges: Sequence[Range]) -> dict[str, list[Range]]:
    found: dict[str, list[Range]] = {}
    for one in ranges:
        found.setdefault(one["code"], []).append(one)
    return found


def _in_range(
    rows: pd.DataFrame,
    column: pd.Series[Any],
    code_column: str,
    ranges: Sequence[Range],
    otherwise: str,
    unit_column: str | None = None,
) -> pd.Series[Any]:
    values, codes = column.astype(float), rows[code_column]
    holds = ~codes.isin(_by_code(ranges)) & (otherwise == "pass")
    for one in ranges:
        inside = codes == one["code"]
        if unit_column is not None:
            inside &= rows[unit_column] == one["unit"]
        holds |= inside & values.between(
            one.get("low", -float("inf")), one.get("high", float("inf"))
        )
    return holds.astype(bool)


class InReferenceRange(ColumnMapMetricProvider):
    """Values in the range of the code, and unit, of their row.

    A code that has ranges, but none in the unit of the row, does not meet the rule.
    """

    condition_metric_name = "column_values.remit.in_reference_range"
    condition_value_keys = ("code_column", "unit_column", "ranges", "otherwise")

    _pandas = _of_rows(_in_range)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805
        column: Any,
        code_column: str,
        ranges: Sequence[Range],
        otherwise: str,
        unit_column: str | None = None,
        **_: Any,
    ) -> Any:
        value: Any = sa.cast(column, sa.Double())
        unit: Any = None if unit_column is None else sa.column(unit_column)
        cases = [
            (code, sa.or_(*(_inside(value, unit, one) for one in alternatives)))
            for code, alternatives in _by_code(ranges).items()
        ]
        code: sa.ColumnElement[str] = sa.column(code_column)
        known = sa.case(
            *((code == name, inside) for name, inside in cases),
            else_=sa.literal(otherwise == "pass"),
        )
        return sa.func.coalesce(known, sa.false())  # a missing unit is not the right one


def _inside(value: Any, unit: Any, one: Range) -> sa.ColumnElement[bool]:
    parts = [] if unit is None else [unit == one["unit"]]
    parts += [value >= float(one["low"])] if "low" in one else []
    parts += [value <= float(one["high"])] if "high" in one else []
    return sa.and_(*parts)


class OutOfScope(TableMetricProvider):
    """The number of rows that do not meet every limit."""

    metric_name = "table.remit.out_of_scope"
    value_keys = ("scope",)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> int:
        import pandas as pd

        rows, _domain, _accessor = execution_engine.get_compute_domain(
            domain_kwargs=metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        inside = pd.Series(True, index=rows.index)
        for limit in metric_value_kwargs["scope"]:
            values = rows[limit["column"]]
            inside &= values.notna() & (
                values.isin(limit["in"])
                if "in" in limit
                else (values >= limit["from"]) & (values < limit["until"])
            )
        return int((~inside).sum())

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,  # noqa: N805
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> Any:
        limits = map(_within, metric_value_kwargs["scope"])
        inside = sa.func.coalesce(sa.and_(*limits), sa.false())
        return sa.func.sum(sa.case((inside, 0), else_=1)), metric_domain_kwargs, {}


def _within(limit: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    column: sa.ColumnClause[Any] = sa.column(limit["column"])
    if "in" in limit:
        return column.in_(limit["in"])
    return sa.and_(column >= limit["from"], column < limit["until"])
