"""The tab on a DAG run and on a task instance: the runs of remit that the DAG run opened."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from remit.reviewer.access import AnyReader, dag_of
from remit.reviewer.boards import board
from remit.reviewer.rendering import page, url

NAME = "dag_run"
router = APIRouter()


@router.get("/dag-run")
def dag_run(
    request: Request,
    reader: AnyReader,
    dag: Annotated[str, Query(max_length=250)],
    dag_run: Annotated[str, Query(max_length=250)],
) -> Response:
    """Lead to them; where there is one, as is usual, it is shown at once."""
    principal = f"airflow:{dag}/{dag_run}"
    if dag_of(principal) != dag:  # with a / in its name it would be taken for another DAG
        raise HTTPException(404)
    reader.require(principal)
    runs = board().of_dag_run(dag, dag_run)
    if len(runs) == 1:
        return RedirectResponse(url(request, f"/runs/{runs[0]}"), 303)
    return page(request, NAME, "dag_run.html", runs=runs, dag=dag, dag_run=dag_run)
