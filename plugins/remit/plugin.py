"""The Airflow plugin: an endpoint for receipts. Operators and DAGs do not need it."""

from __future__ import annotations

from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

from remit.endpoint import ReceiptsEndpoint


class RemitPlugin(AirflowPlugin):
    """Makes the deployment list remit among its plugins, and take receipts in."""

    name = "remit"
    fastapi_apps: list[Any] = [  # noqa: RUF012 - Airflow reads it off the class
        {"app": ReceiptsEndpoint(), "url_prefix": "/remit/receipts", "name": "remit receipts"}
    ]
