"""Referential integrity between two extracts, as Great Expectations has it.

GX knows a class from when it is made, so importing this adds the expectation. On extracts its counts
come from `remit.adapters.gx.across`; the two forms here are those for pandas and for any other SQL.

Import this only where rules are judged: it imports Great Expectations.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import Extra  # noqa: TID253
from great_expectations.execution_engine.pandas_execution_engine import (  # noqa: TID253
    PandasExecutionEngine,
)
from great_expectations.execution_engine.sqlalchemy_execution_engine import (  # noqa: TID253
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import ColumnMapExpectation  # noqa: TID253
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (  # noqa: TID253
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (  # noqa: TID253
    ColumnMapMetricProvider,
)

if TYPE_CHECKING:
    import pandas as pd

FRAMES: ContextVar[Mapping[str, pd.DataFrame]] = ContextVar("frames")
"""The other tables by name, when the engine is pandas."""


class FoundIn(ColumnMapMetricProvider):
    """Values that are among the keys of another table."""

    condition_metric_name = "column_values.remit.found_in"
    condition_value_keys = ("other_table", "key")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        column: pd.Series[Any],
        other_table: str,
        key: str,
        **_: Any,
    ) -> pd.Series[Any]:
        return column.isin(FRAMES.get()[other_table][key].dropna())

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, other_table: str, key: str, **_: Any) -> Any:  # noqa: N805
        keys: sa.ColumnClause[Any] = sa.column(key)
        found: sa.Select[Any] = sa.select(keys).select_from(sa.table(other_table))
        return column.in_(found.where(keys.is_not(None)))


class ExpectColumnValuesToBeFoundIn(ColumnMapExpectation):
    """Each value is among the keys of another table; a missing value is skipped."""

    other_table: str
    key: str

    map_metric: ClassVar[str] = FoundIn.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("other_table", "key", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "other_table", "key")

    class Config:
        """No other argument is given."""

        extra = Extra.forbid
