"""The conditions that raise alerts, found in the evidence and by the clock alone."""

from remit.alerts.conditions.found import Condition, Looking
from remit.alerts.conditions.in_records import LOOKED_AT, look_at
from remit.alerts.conditions.standing import standing

__all__ = ["LOOKED_AT", "Condition", "Looking", "look_at", "standing"]
