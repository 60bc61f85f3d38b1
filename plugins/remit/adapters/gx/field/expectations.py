"""The field's expectations as Great Expectations has them: each a class, known by its name.

A class is known to Great Expectations from when it is made, so importing this is what adds them.
Import it only where rules are judged.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from great_expectations.compatibility.pydantic import Extra  # noqa: TID253
from great_expectations.expectations.expectation import (  # noqa: TID253
    BatchExpectation,
    ColumnMapExpectation,
)

from remit.adapters.gx.field import metrics


class _OnValues(ColumnMapExpectation):
    """Rules on the values of one column; a missing value is skipped."""

    class Config:
        extra = Extra.forbid


class ExpectColumnValuesToBeLoincCode(_OnValues):
    """Each value is a LOINC code whose check digit is right."""

    map_metric: ClassVar[str] = metrics.Loinc.condition_metric_name


class ExpectColumnValuesToBeUcumUnit(_OnValues):
    """Each value is a unit of UCUM, in the case-sensitive form."""

    map_metric: ClassVar[str] = metrics.Ucum.condition_metric_name


class ExpectColumnValuesToBeNir(_OnValues):
    """Each value is a NIR whose key is right."""

    map_metric: ClassVar[str] = metrics.Nir.condition_metric_name


class ExpectColumnValuesToHoldNoDirectIdentifiers(_OnValues):
    """No direct identifier of the kinds asked for is found in a value."""

    kinds: list[str]

    map_metric: ClassVar[str] = metrics.NoIdentifiers.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("kinds", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "kinds")


class ExpectColumnValuesToHoldNoNamesOf(_OnValues):
    """None of the names in other columns of the row is found in a value."""

    name_columns: list[str]

    map_metric: ClassVar[str] = metrics.NoNames.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("name_columns", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "name_columns")


class ExpectColumnValuesToBeInReferenceRange(_OnValues):
    """Each value is in the range of the code (and unit) of its row."""

    code_column: str
    unit_column: str | None = None
    ranges: list[dict[str, Any]]
    otherwise: Literal["pass", "fail"]

    map_metric: ClassVar[str] = metrics.InReferenceRange.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = (
        *metrics.InReferenceRange.condition_value_keys,
        "mostly",
    )
    args_keys: ClassVar[tuple[str, ...]] = ("column", "code_column", "ranges", "otherwise")


class ExpectRowsToBeInScope(BatchExpectation):
    """Every row meets every limit; a row with a missing value in a limiting column does not."""

    scope: list[dict[str, Any]]

    metric_dependencies = ("table.row_count", metrics.OutOfScope.metric_name)
    success_keys: ClassVar[tuple[str, ...]] = metrics.OutOfScope.value_keys
    args_keys: ClassVar[tuple[str, ...]] = ("scope",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        outside = metrics["table.remit.out_of_scope"] or 0  # SQL's sum of no rows is NULL
        counts = {"element_count": metrics["table.row_count"], "unexpected_count": outside}
        return {"success": outside == 0, "result": counts}
