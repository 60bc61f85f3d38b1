"""How alerts leave: by Airflow's own notifiers, over connections that Airflow keeps.

`open_channels` opens what REMIT_ALERTS names; `remit.channels.metrics` is what is counted.
"""

from remit.channels.opening import Lookup, open_channels

__all__ = ["Lookup", "open_channels"]
