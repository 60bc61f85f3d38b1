"""The Airflow plugin. It has no pages yet; operators and DAGs do not need it."""

from __future__ import annotations

from airflow.sdk.plugins_manager import AirflowPlugin


class RemitPlugin(AirflowPlugin):
    """Makes the deployment list remit among its plugins."""

    name = "remit"
