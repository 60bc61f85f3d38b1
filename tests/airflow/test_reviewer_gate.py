"""The reviewer's pages inside Airflow's application: who is let in, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from remit.errors import EvidenceBroken, Refused, Unavailable
from remit.reviewer.access import AnyReader, any_reader
from remit.reviewer.acts import Act, act_token, sent_form
from remit.reviewer.app import application
from remit.reviewer.gate import HEADERS
from remit.testing.world import World

SAMPLE = "known-run"
QUERIES = {
    "/dag-run": "?dag=known_migration&dag_run=manual__1",
    "/verify": f"?run={SAMPLE}",
    "/verify/proofs": f"?run={SAMPLE}",
    "/breach": f"?run={SAMPLE}",
    "/breach/draft": f"?run={SAMPLE}",
    "/instruction": f"?controller=durand&id={SAMPLE}&version=1",
    "/instruction/differences": f"?controller=durand&id={SAMPLE}&old=1&new=1",
    "/record/table": "?table=runs&format=csv",
}


def routes() -> list[APIRoute]:
    found = application().routes
    assert all(isinstance(route, APIRoute) for route in found)  # a mount would have no reader
    return [route for route in found if isinstance(route, APIRoute)]


def path_of(route: APIRoute) -> str:
    """An address of the route, with something that is there for each of its parameters."""
    samples = {
        "name": "remit.css",
        "run": SAMPLE,
        "document": "instruction.yaml",
        "alert": "ledger-away",
    }
    path = re.sub(r"{(\w+)(?::\w+)?}", lambda found: samples[found[1]], route.path)
    return f"/remit{path}{QUERIES.get(route.path, '')}"


ROUTES = [(method, path_of(route)) for route in routes() for method in sorted(route.methods)]


def calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_every_route_asks_who_reads_and_every_act_for_a_form_of_ours() -> None:
    for route in routes():
        asked = set(calls(route.dependant))
        assert any_reader in asked, route.path
        if route.methods != {"GET"}:
            assert sent_form in asked, route.path


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_gets_401_and_who_has_no_permission_403(
    logged_in: Callable[..., Any], reviewed: World, method: str, path: str
) -> None:
    for who, status in ((None, 401), ("nobody", 403)):
        answer = logged_in(who).request(method, path)
        assert answer.status_code == status
        assert headers_of(answer) == HEADERS
        told = re.sub(r'href="[^"]*"', "", answer.text)  # the address that was asked for, again
        assert "known-run" not in told
        assert "<link" not in answer.text  # what it leads to would not be given either
        assert "<script" not in answer.text
    forged = logged_in(None)
    forged.cookies.set("_token", "a.b.c", path="/")
    assert forged.request(method, path).status_code == 401


@pytest.mark.parametrize(("method", "path"), [r for r in ROUTES if r[0] == "GET"])
def test_a_viewer_is_shown_every_page_in_both_languages(
    logged_in: Callable[..., Any], reviewed: World, method: str, path: str
) -> None:
    for language in ("en", "fr"):
        address = f"{path}{'&' if '?' in path else '?'}language={language}"
        answer = logged_in("vera").request(method, address)
        assert answer.status_code in (200, 303), answer.text
        assert headers_of(answer) == HEADERS
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize(
    "path", ["/remit/docs", "/remit/openapi.json", "/remit/redoc", "/remit/x/y"]
)
@pytest.mark.parametrize(("who", "status"), [(None, 401), ("nobody", 403), ("vera", 404)])
def test_what_is_not_there_asks_for_a_login_as_well(
    logged_in: Callable[..., Any], path: str, who: str | None, status: int
) -> None:
    answer = logged_in(who).get(path)
    assert (answer.status_code, headers_of(answer)) == (status, HEADERS)
    assert "swagger" not in answer.text.lower()


def test_another_method_is_not_taken_from_a_stranger_nor_from_a_reader(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert logged_in(None).post("/remit/evidence", headers=own).status_code == 401
    assert logged_in("vera").post("/remit/evidence", headers=own).status_code == 405
    assert logged_in("vera").post("/remit/evidence").status_code == 403


def test_the_endpoint_for_targets_needs_no_login(
    logged_in: Callable[..., Any], reviewed: World
) -> None:
    answer = logged_in(None).post("/remit/receipts/no-such-run", content=b"{}")
    assert (answer.status_code, answer.json()) == (
        401,
        {"receipt": "not a receipt of this run, signed by its target"},
    )


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (EvidenceBroken("record 17", "it was changed."), 500, ["record 17", "it was changed."]),
        (
            Refused("run-unknown", "<b>", "no such run.", "look."),
            409,
            ["&lt;b&gt;", "no such run."],
        ),
        (Unavailable("db.hospital.example", "no answer"), 503, []),
        (ValueError("Mme Dupont"), 500, []),
    ],
)
def test_an_error_is_a_page_without_the_text_of_anybodys_exception(
    with_route: Callable[..., Any],
    error: Exception,
    status: int,
    told: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    router = APIRouter()

    @router.get("/failing")
    def failing(_: AnyReader) -> None:
        raise error

    answer = with_route(router, "vera").get("/remit/failing")

    assert (answer.status_code, headers_of(answer)) == (status, HEADERS)
    assert all(text in answer.text for text in told)
    assert "Dupont" not in answer.text + caplog.text
    assert "hospital.example" not in answer.text
    assert "Traceback" not in answer.text + caplog.text


@pytest.fixture
def with_route(
    airflow_app: Any, logged_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """A browser of Airflow with one more page of remit in it."""

    def mounted(router: APIRouter, who: str) -> Any:
        app = application()
        app.include_router(router)
        mount = next(r for r in airflow_app.routes if getattr(r, "path", "") == "/remit")
        monkeypatch.setattr(mount.app, "_application", app)
        return logged_in(who)

    return mounted


@pytest.fixture
def acting(with_route: Callable[..., Any]) -> Callable[[str], Any]:
    router = APIRouter()

    @router.post("/acting")
    async def acting(act: Act, reader: AnyReader) -> dict[str, Any]:
        assert act.reader is reader
        return {"by": act.identity.account, "via": act.identity.via, **act.fields}

    @router.get("/form")
    def form(request: Request, _: AnyReader) -> str:
        return act_token(request)

    return lambda who: with_route(router, who)


OWN = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}


def token_of(client: Any) -> str:
    return str(client.get("/remit/form").json())


def test_a_form_of_ours_acts_in_the_name_of_who_is_logged_in(acting: Callable[..., Any]) -> None:
    client = acting("alice")
    sent = {"token": token_of(client), "reason": "é & <b>"}
    answer = client.post("/remit/acting", data=sent, headers=OWN)
    assert answer.json() == {"by": "alice", "via": "airflow", "reason": "é & <b>"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
        {"sec-fetch-site": "same-site", "origin": "http://testserver"},
        {"sec-fetch-site": "same-origin", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "none"},
        {"authorization": "Bearer x", "origin": "https://elsewhere.example"},
    ],
)
def test_a_form_that_somebody_else_wrote_does_nothing(
    acting: Callable[..., Any], headers: dict[str, str]
) -> None:
    client = acting("alice")
    sent = {"token": token_of(client)}
    assert client.post("/remit/acting", data=sent, headers=headers).status_code in (401, 403)


def test_a_token_of_another_login_does_nothing(acting: Callable[..., Any]) -> None:
    client, other = acting("alice"), acting("vera")
    for token in (token_of(other), "", "é"):
        answer = client.post("/remit/acting", data={"token": token}, headers=OWN)
        assert answer.status_code == 403
    assert client.post("/remit/acting", data={}, headers=OWN).status_code in (403, 422)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"token=a&reason=1&reason=2", "application/x-www-form-urlencoded"),
        (b"a" * (64 * 1024 + 1), "application/x-www-form-urlencoded"),
        (b"a=%FF", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(101)), "application/x-www-form-urlencoded"),
        (b'{"token": ""}', "application/json"),
        (b"token=a", "text/plain"),
    ],
)
def test_what_is_no_form_of_ours_is_not_understood(
    acting: Callable[..., Any], body: bytes, kind: str
) -> None:
    headers = OWN | {"content-type": kind}
    answer = acting("alice").post("/remit/acting", content=body, headers=headers)
    assert (answer.status_code, headers_of(answer)) == (422, HEADERS)


def headers_of(answer: Any) -> dict[str, str]:
    return {name: answer.headers.get(name) for name in HEADERS}
