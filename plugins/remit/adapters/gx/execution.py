"""Great Expectations' SQL engine, made to read an extract once for all the rules that it can.

GX resolves metrics in rounds, as they depend on each other, and sends a query of its own for each
that it takes to be of a special kind. Here, as long as a round has anything that needs no rows, all
that does is put off, so that counts come together in one query; counts on two and on several
columns are among them; the number of rows is known; values are never fetched; and what needs all
rows at once is counted by `remit.adapters.gx.across`. GX's expectations decide, as ever.

Import this only where rules are judged: it imports Great Expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from great_expectations.exceptions.exceptions import MetricResolutionError  # noqa: TID253
from great_expectations.execution_engine.execution_engine import (  # noqa: TID253
    MetricComputationConfiguration,
)
from great_expectations.execution_engine.sqlalchemy_execution_engine import (  # noqa: TID253
    SqlAlchemyExecutionEngine,
)
from great_expectations.validator.metric_configuration import (  # noqa: TID253
    MetricConfiguration,
    MetricConfigurationID,
)

from remit.adapters.gx import across, engine
from remit.adapters.gx.duck import VIEW, Duck, other_view
from remit.adapters.gx.found_in import FoundIn

_Metrics = dict[MetricConfigurationID, Any]
_Count = Callable[[Duck, Mapping[str, Any], Mapping[str, Any]], int]

_ACROSS: Mapping[str, _Count] = {
    "column_values.unique.unexpected_count": lambda duck, domain, _: across.repeated(
        duck, [domain["column"]]
    ),
    "compound_columns.unique.unexpected_count": lambda duck, domain, _: across.repeated(
        duck, domain["column_list"]
    ),
    f"{FoundIn.condition_metric_name}.unexpected_count": lambda duck, domain, value: (
        across.not_found(duck, domain["column"], other_view(value["other_table"]), value["key"])
    ),
}
_NEVER = (".unexpected_values", ".distinct_values.not_in_set")


class ExtractEngine(SqlAlchemyExecutionEngine):
    """The engine of one use of the judge."""

    def __init__(self, duck: Duck) -> None:
        types = duck.sources[VIEW].types
        module = engine.types_module(set(types.values()))
        connection = engine.Connection(duck)
        super().__init__(engine=engine.engine(connection, types, module), create_temp_table=False)
        self.dialect_module = module
        self.aborted = False
        """Whether GX stopped computing: it judges all the same, with counts of 0."""
        self._duck = duck

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: _Metrics | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> _Metrics:
        """Resolve what needs no rows, or else the rest. GX asks again for what is missing."""
        try:
            return self._resolve(list(metrics_to_resolve), metrics, runtime_configuration)
        except MetricResolutionError:
            raise  # the error of a rule, which GX tells as such
        except Exception:
            self.aborted = True
            raise

    def _resolve(
        self,
        asked: list[MetricConfiguration],
        metrics: _Metrics | None,
        runtime_configuration: dict[str, Any] | None,
    ) -> _Metrics:
        found = {metric.id: self._known(metric) for metric in asked if self._is_known(metric)}
        rest = [metric for metric in asked if metric.id not in found]
        direct, bundle = self._build_direct_and_bundled_metric_computation_configurations(
            rest, metrics, runtime_configuration
        )
        whole = [one for one in [*direct, *bundle] if _name(one) in _ACROSS]
        bundle = [one for one in bundle if _name(one) not in _ACROSS]
        direct = [one for one in direct if _name(one) not in _ACROSS]
        bundle += [_bundled(one) for one in direct if _is_count(one)]
        direct = [one for one in direct if not _is_count(one)] + list(map(self._counted, whole))
        process = self._process_direct_and_bundled_metric_computation_configurations
        return found | process(direct, [] if found or direct else bundle)

    def _is_known(self, metric: MetricConfiguration) -> bool:
        return metric.metric_name == "table.row_count" or metric.metric_name.endswith(_NEVER)

    def _known(self, metric: MetricConfiguration) -> Any:
        """The number of rows, which the files tell; of values, none is told."""
        known = metric.metric_name == "table.row_count"
        return self._duck.sources[VIEW].extract.rows if known else []

    def _counted(self, asked: MetricComputationConfiguration) -> MetricComputationConfiguration:
        metric, count = asked.metric_configuration, _ACROSS[_name(asked)]

        def counted(**_: Any) -> int:
            return count(self._duck, metric.metric_domain_kwargs, metric.metric_value_kwargs)

        return replace(asked, metric_fn=counted)


def _name(asked: MetricComputationConfiguration) -> str:
    return asked.metric_configuration.metric_name


def _is_count(asked: MetricComputationConfiguration) -> bool:
    """Whether GX would count it, over rows of several columns, by a query of its own."""
    return _name(asked).endswith((".unexpected_count", ".filtered_row_count"))


def _bundled(asked: MetricComputationConfiguration) -> MetricComputationConfiguration:
    """The same count as an aggregate, over rows in which no column concerned is missing."""
    condition, domain, accessor = asked.metric_provider_kwargs["metrics"]["unexpected_condition"]
    columns = accessor.get("column_list") or [accessor["column_A"], accessor["column_B"]]
    counted = [sa.column(column).is_not(None) for column in columns]
    if _name(asked).endswith(".unexpected_count"):
        counted.append(condition)
    return MetricComputationConfiguration(
        metric_configuration=asked.metric_configuration,
        metric_fn=sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*counted), 1), else_=0)), 0),
        metric_provider_kwargs=asked.metric_provider_kwargs,
        compute_domain_kwargs={k: v for k, v in domain.items() if k != "ignore_row_if"},
        accessor_domain_kwargs=accessor,
    )
