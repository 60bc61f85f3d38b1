"""The name by which Airflow shows a worker, where several run on one machine."""

from __future__ import annotations

import os


def worker_name() -> str:
    """What Airflow's setting `hostname_callable` may name."""
    return os.environ["REMIT_WORKER"]
