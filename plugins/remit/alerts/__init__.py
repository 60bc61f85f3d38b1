"""Alerts and their supervision: see `remit.alerts.supervise` and `remit.alerts.desk`."""
