"""A FHIR server's $bulk-submit-status (Bulk Data Access, draft of version 4): ask, then look once.

Guarantee: the token goes to the server named and to no other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit, urlunsplit

from remit.adapters.https import Answer, is_private, origin, request
from remit.errors import Refused, Unavailable, UsageError, translating

_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class FhirServer:
    """See `remit.ports.StatusServer`.

    Attributes:
        label: the FHIR base, such as ``https://target.example/fhir``.
        token: the bearer token.
        authority: a PEM file of the certificates that are trusted, the system's if it is None.
    """

    label: str
    token: str = field(repr=False)
    authority: Path | None = None

    def __post_init__(self) -> None:
        if not is_private(self.label):
            raise Refused(
                "status-server-insecure",
                self.label,
                "the token would travel in clear.",
                "give the server's https:// address; http:// is for this very machine alone.",
            )
        if not self.token.isascii() or not self.token.isprintable() or not self.token:
            raise UsageError("the connection of a FHIR server has a bearer token as its password.")

    def status(self, system: str, value: str, submission: str) -> Any:
        """See `remit.ports.StatusServer`."""
        started = self._ask(
            "POST",
            f"{self.label.rstrip('/')}/$bulk-submit-status",
            {"Prefer": "respond-async", "Content-Type": _JSON},
            _parameters(system, value, submission),
        )
        if started.status == 404:
            return None  # the target has not begun
        if started.status != 202:
            raise self._unexpected(started.status)
        answer = self._ask("GET", self._place(started), {})
        if answer.status == 202:
            return None
        if answer.status != 200:
            raise self._unexpected(answer.status)
        return answer.json(self.label)

    def _place(self, started: Answer) -> str:
        """Where the status is, which must be the same server."""
        try:
            place = urljoin(self.label, started.headers.get("content-location", ""))
            own = origin(place) == origin(self.label) and place != self.label
        except ValueError:
            own = False
        if not own:
            raise Unavailable(self.label, "it does not say where on it the status is.")
        return place

    def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        known = {"Accept": "application/json, application/fhir+json", **headers}
        known["Authorization"] = f"Bearer {self.token}"
        return request(
            method, url, where=self.label, headers=known, body=body, authority=self.authority
        )

    def _unexpected(self, status: int) -> Unavailable:
        if status in (401, 403):
            return Unavailable(self.label, f"it does not accept the token ({status}).")
        return Unavailable(self.label, f"it answers with the status {status}.")


def open_server(url: str) -> FhirServer:
    """A server from ``https://:TOKEN@HOST/PATH[?ca=FILE]``, the token percent-encoded.

    Raises:
        Refused: status-server-insecure.
        UsageError: it has another form. No part of it is repeated.
    """
    form = "a FHIR server is an Airflow connection of type http with an https address."
    with translating(ValueError, into=lambda _: UsageError(form)):
        parts = urlsplit(url)
        given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    login, _, place = parts.netloc.rpartition("@")
    if not set(given) <= {"ca"} or parts.fragment or not login.startswith(":"):
        raise UsageError(form)
    base = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
    return FhirServer(base, unquote(login[1:]), Path(given["ca"][0]) if given else None)


def _parameters(system: str, value: str, submission: str) -> bytes:
    identifier = {"system": system, "value": value}
    return json.dumps(
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "submitter", "valueIdentifier": identifier},
                {"name": "submissionId", "valueString": submission},
            ],
        }
    ).encode()
