"""How alerts leave: by Airflow's own notifiers, over connections that Airflow keeps."""

from remit.channels.opening import Lookup, open_channels

__all__ = ["Lookup", "open_channels"]
