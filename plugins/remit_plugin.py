"""What Airflow loads from this plugins folder; everything else is in the package beside it."""

from remit.plugin import RemitPlugin

__all__ = ["RemitPlugin"]
