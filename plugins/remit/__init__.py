"""remit: controlled health-data pipelines, within a controller's signed instruction."""

__version__ = "0.1.0"
