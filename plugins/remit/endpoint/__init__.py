"""The HTTP endpoint by which a target hands in its receipt. See `remit.endpoint.receipts`."""
