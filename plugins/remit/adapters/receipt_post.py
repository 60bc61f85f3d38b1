"""At the target: hands a receipt in at the processor's endpoint."""

from __future__ import annotations

from remit.adapters.https import is_private, request, require_client
from remit.errors import Refused, Unavailable


def require_endpoint(url: str) -> None:
    """Refuse an endpoint that would be reached in clear, before anything else is done.

    Raises:
        Refused: endpoint-insecure.
        UsageError: it is no URL of a server, or the library that sends it is not installed.
    """
    require_client()
    if not is_private(url):
        raise Refused(
            "endpoint-insecure",
            "--post",
            "the receipt would travel in clear, and nobody could tell who took it.",
            "give the processor's https:// address; http:// is for this very machine alone.",
        )


def post_receipt(url: str, run: str, receipt: bytes) -> None:
    """Send it; the same receipt may be sent again.

    Raises:
        Refused: receipt-not-taken, when the endpoint does not accept it as one of this run.
        Unavailable: no answer, or none that says that it is kept.
    """
    headers = {"Content-Type": "application/json"}
    place = f"{url.rstrip('/')}/{run}"
    answer = request("POST", place, where=url, headers=headers, body=receipt)
    if answer.status == 401:
        raise Refused(
            "receipt-not-taken",
            url,
            "the endpoint knows no such run whose receipts are signed by this key.",
            "ask the processor for the address; the receipt is written beside the delivery all the same.",
        )
    if answer.status != 200:
        raise Unavailable(
            url, f"it answers with the status {answer.status}; the receipt is written."
        )
