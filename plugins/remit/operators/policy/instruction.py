"""The rules on a DAG's instruction: it is named in plain text, is there, and verifies.

Whether it is valid at the moment, superseded or revoked is left to the run: a DAG must not vanish
because its instruction ended overnight, and what a run under way extracted is deleted by its steps,
which record why.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from remit.errors import Refused, RemitError
from remit.operators.base import place
from remit.operators.plan import PlanOperator, instruction_file

if TYPE_CHECKING:
    from remit.instruction import TrustStore


def require_plain(plan: PlanOperator, *names: str) -> None:
    """Check that arguments of the plan can be known when the file is parsed.

    Raises:
        Refused: dag-instruction-templated, dag-connection-templated.
    """
    for name in names:
        given: object = getattr(plan, name)
        if isinstance(given, str) and "{{" not in given and "{%" not in given:
            continue
        if name == "instruction":
            raise Refused(
                "dag-instruction-templated",
                place(plan),
                "its instruction is not the plain path of a file, so it cannot be verified now.",
                "write the path as text; write one ControlledMigration for each instruction.",
            )
        raise Refused(
            "dag-connection-templated",
            place(plan),
            f"its {name} is not the plain id of a connection; remit renders no template.",
            "write the id as text; write one ControlledMigration for each source.",
        )


def require_binding(plan: PlanOperator) -> None:
    """Check that a controller's instruction is behind the plan.

    Raises:
        Refused: a rule of the DAG or of the instruction itself.
        UsageError: the file cannot be read.
    """
    # A worker parses the file for a task of a run. There the step verifies: it keeps its refusal in
    # the evidence and deletes what was extracted, which a DAG that is not found could not do.
    if get_parsing_context().task_id is not None:
        return
    from remit.wiring import Settings

    settings = Settings.from_environment()
    path = instruction_file(settings.include, plan.instruction)
    if not _is_file(path):
        raise Refused(
            "dag-instruction-missing",
            place(plan),
            f"there is no file {path}.",
            "put the controller's instruction there, with its signature beside it.",
        )
    try:
        _verify(path, settings.trust())
    except RemitError as error:
        error.add_note(f"Asked for by {place(plan)}.")
        raise


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way that this account may not enter
        return False


def _verify(path: Path, trust: TrustStore) -> None:
    from remit.instruction import read_signed, verify

    verify(read_signed(path), trust, now=None)
