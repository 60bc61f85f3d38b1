"""Every page of remit in a real browser on a real Airflow: seen, read aloud, and used by keyboard."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from remit.testing.browser import Visitor
from remit.testing.sample_runs import HOSTILE

DAG = "durand_migration"
MARKUP = HOSTILE.partition("\u202e")[0]
OF_A_KIND = 8
"""So many pages of one route with the same parameters are opened; they differ in their run alone."""

NOT_LINKED = {"/", "/dag-run", "/static/{name}"}
"""The start, Airflow's tab, and what pages are made of."""


class Kinds:
    """Which route an address belongs to."""

    def __init__(self, paths: list[str]) -> None:
        # What has no parameter stands first, as it does where the routes are made.
        self.routes = {
            path: re.compile(re.sub(r"{\w+(:path)?}", r"[^/]+", path))
            for path in sorted(paths, key=lambda path: path.count("{"))
        }

    def of(self, address: str) -> str:
        path = urlsplit(address).path.removeprefix("/remit")
        found = [route for route, pattern in self.routes.items() if pattern.fullmatch(path)]
        assert found, f"{address} leads nowhere"
        return found[0]

    def named(self, address: str) -> tuple[str, ...]:
        return (self.of(address), *sorted(parse_qs(urlsplit(address).query)))


def walked(visitor: Visitor, kinds: Kinds, each: Callable[[str], None], most: int) -> set[str]:
    """Open every page that the start leads to, and download what is no page; the routes that there were.

    Args:
        most: so many pages of one route with the same parameters.
    """
    first = "/remit/"
    waiting, met, times = [first], {first}, Counter[tuple[str, ...]]()
    while waiting:
        address = waiting.pop(0)
        kind = kinds.named(address)
        times[kind] += 1
        if times[kind] > most:
            continue
        answer = visitor.context.request.get(f"{visitor.address}{address}")
        assert answer.status == 200, f"{address}: {answer.status}"
        if not answer.headers["content-type"].startswith("text/html"):
            assert "attachment" in answer.headers.get("content-disposition", ""), address
            continue
        visitor.go(address)
        require_text(visitor)
        if answer.url == f"{visitor.address}{address}":  # no page that leads on by itself
            each(address)
        waiting += [link for link in visitor.links() if link not in met]
        met.update(waiting)
    return {kind[0] for kind in times}


def require_text(visitor: Visitor) -> None:
    """Nothing that was recorded became a part of the page; ours have no such parts."""
    assert visitor.page.locator("img, iframe, object, embed").count() == 0, visitor.page.url


def await_alerts(visitor: Visitor) -> None:
    """Airflow runs the supervision by itself when it has started."""
    until = time.monotonic() + 90
    while (
        "/remit/alerts/"
        not in visitor.context.request.get(f"{visitor.address}/remit/alerts").text()
    ):
        assert time.monotonic() < until, "supervision raised no alert"
        time.sleep(0.5)


def name_of(kind: tuple[str, ...]) -> str:
    return "-".join(re.findall(r"\w+", " ".join(kind))) or "start"


def test_every_page_looks_right_in_both_themes_and_sizes_and_is_accessible(
    routes: list[str], visit: Callable[..., Visitor]
) -> None:
    alice, kinds, seen = visit("alice"), Kinds(routes), Counter[str]()
    texts = []

    def look(address: str) -> None:
        route = kinds.of(address)
        texts.append(alice.page.inner_text("main"))
        seen[route] += 1
        if seen[route] == 1:
            alice.look(name_of((route,)))
        elif seen[route] <= (OF_A_KIND if "{" in route else 3):  # of a list, its narrowed ones
            alice.glance(f"{name_of((route,))}-{seen[route]}")

    await_alerts(alice)
    reached = walked(alice, kinds, look, OF_A_KIND)
    assert kinds.routes.keys() - reached <= NOT_LINKED
    assert any(MARKUP in text for text in texts), "no page shows the hostile names"


@pytest.mark.parametrize("who", ["vera", "admin"])
def test_whoever_may_read_walks_every_page_on_a_phone_in_french(
    routes: list[str], visit: Callable[..., Visitor], who: str
) -> None:
    visitor, kinds, seen = visit(who), Kinds(routes), set[tuple[str, ...]]()
    visitor.resize("phone")
    visitor.go("/remit/evidence?language=fr")

    def look(address: str) -> None:
        assert visitor.page.get_attribute("html", "lang") == "fr"
        visitor.require_fits(address)
        if (kind := kinds.named(address)) not in seen:
            seen.add(kind)
            visitor.picture(f"{who}-{name_of(kind)}-phone-french")

    reached = walked(visitor, kinds, look, 3)
    assert kinds.routes.keys() - reached <= NOT_LINKED


def test_a_hostile_address_is_text(visit: Callable[..., Visitor]) -> None:
    visitor = visit("vera")
    visitor.go(f"/remit/dag-run?dag={DAG}&dag_run={quote(HOSTILE)}")
    assert MARKUP in visitor.page.inner_text("main")
    require_text(visitor)
