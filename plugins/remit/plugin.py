"""The Airflow plugin: the reviewer's pages and an endpoint for receipts. DAGs do not need it."""

from __future__ import annotations

from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

from remit.lazy_app import LazyApp
from remit.operators.links import DeletionLink, RunLink

# Airflow's pages resolve these against its own address, whatever path that has.
_ICONS = {"icon": "remit/static/icon.svg", "icon_dark_mode": "remit/static/icon-dark.svg"}


class RemitPlugin(AirflowPlugin):
    """Makes the deployment list remit among its plugins, show its pages, and take receipts in."""

    name = "remit"
    # The endpoint for targets stands first: the pages have every other path below /remit.
    fastapi_apps: list[Any] = [  # noqa: RUF012 - Airflow reads it off the class
        {
            "app": LazyApp("remit.endpoint.receipts"),
            "url_prefix": "/remit/receipts",
            "name": "remit receipts",
        },
        {"app": LazyApp("remit.reviewer.app"), "url_prefix": "/remit", "name": "remit"},
    ]
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "remit",
            "href": "remit/",
            "url_route": "remit",
            "destination": "nav",
            "category": "browse",
            **_ICONS,
        },
        {
            "name": "remit",
            "href": "remit/dag-run?dag={DAG_ID}&dag_run={RUN_ID}",
            "url_route": "remit-run",
            "destination": "dag_run",
            **_ICONS,
        },
        {
            "name": "remit",
            "href": "remit/dag-run?dag={DAG_ID}&dag_run={RUN_ID}&task={TASK_ID}",
            "url_route": "remit-task",
            "destination": "task_instance",
            **_ICONS,
        },
    ]
    operator_extra_links: list[Any] = [RunLink(), DeletionLink()]  # noqa: RUF012
