"""Who asks, and what Airflow's auth manager lets them see.

    any page          the plugins' view of Airflow, which is what shows plugins in its UI
    a run             reading the runs of the DAG that opened it
    what has no DAG   reading Airflow's audit log: runs of the command line, the registers, sweeps,
                      and runs of a DAG that Airflow does not know any more

The record ``opened`` says which DAG it was; a run without that record has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    DagAccessEntity,
    DagDetails,
)
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

_OF_DAG = re.compile(r"airflow:([^/]+)/.")


class Reader:
    """A person who is logged in and may see Airflow's plugins; what else, is asked when needed."""

    def __init__(self, user: BaseUser) -> None:
        self.user = user
        self._dags: dict[str, bool] = {}

    @cached_property
    def sees_deployment(self) -> bool:
        """Whether what belongs to no DAG may be seen."""
        return bool(
            get_auth_manager().is_authorized_dag(
                method="GET", access_entity=DagAccessEntity.AUDIT_LOG, user=self.user
            )
        )

    def sees(self, opened_by: str | None) -> bool:
        """Whether a run may be seen, by the principal of its record ``opened`` (None: it has none)."""
        return self.seen([opened_by])[0]

    def seen(self, opened_by: Iterable[str | None]) -> list[bool]:
        """The same of many runs, in their order; each DAG is asked for once."""
        dags = [dag_of(principal) for principal in opened_by]
        self._ask({dag for dag in dags if dag is not None} - self._dags.keys())
        return [self.sees_deployment if dag is None else self._dags[dag] for dag in dags]

    def shown(self, principal: str) -> str | None:
        """A principal, unless it is a DAG's that may not be read."""
        return principal if dag_of(principal) is None or self.sees(principal) else None

    def require(self, opened_by: str | None) -> None:
        """Answer 403 unless the run may be seen."""
        if not self.sees(opened_by):
            raise HTTPException(403)

    def _ask(self, dags: set[str]) -> None:
        if not dags:
            return
        with create_session(scoped=False) as session:
            known = set(
                session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(sorted(dags))))
            )
            teams = DagModel.get_dag_id_to_team_name_mapping(sorted(known), session=session)
        for dag in dags:
            self._dags[dag] = self._may_read(dag, teams) if dag in known else self.sees_deployment

    def _may_read(self, dag: str, teams: dict[str, str | None]) -> bool:
        details = DagDetails(id=dag, team_name=teams.get(dag))
        return bool(
            get_auth_manager().is_authorized_dag(
                method="GET", access_entity=DagAccessEntity.RUN, details=details, user=self.user
            )
        )


def dag_of(principal: str | None) -> str | None:
    """The DAG in whose run a principal acted; None for any other."""
    found = _OF_DAG.match(principal or "")
    return found[1] if found else None


async def admitted(request: Request) -> Reader:
    """Who asks.

    Raises:
        HTTPException: 401, nobody is logged in; 403, they may not see Airflow's plugins.
    """
    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        raise HTTPException(401) from None
    allowed = await run_in_threadpool(
        get_auth_manager().is_authorized_view, access_view=AccessView.PLUGINS, user=user
    )
    if not allowed:
        raise HTTPException(403)
    return Reader(user)


def any_reader(request: Request) -> Reader:
    """Whom the gate let in; the route shows only what that reader may see."""
    reader: Any = request.state.reader
    assert isinstance(reader, Reader)  # noqa: S101 - a route that is not behind the gate answers nothing
    return reader


def deployment_reader(reader: Annotated[Reader, Depends(any_reader)]) -> Reader:
    """Only who may see what belongs to no DAG."""
    if not reader.sees_deployment:
        raise HTTPException(403)
    return reader


AnyReader = Annotated[Reader, Depends(any_reader)]
DeploymentReader = Annotated[Reader, Depends(deployment_reader)]
