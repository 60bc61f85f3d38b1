"""How the pages are used: in Airflow's frame, by keyboard, in two languages and themes, without scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from remit.testing.browser import Visitor

DAG = "durand_migration"
FOCUSED = """() => {
    const at = document.activeElement, place = at.getBoundingClientRect();
    const style = getComputedStyle(at);
    return {
        index: [...document.querySelectorAll("*")].indexOf(at),
        text: at.tagName === "BODY" ? null : (at.textContent || at.name || "").trim(),
        shown: place.width > 0 && place.left >= 0 && place.top >= 0,
        marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    };
}"""
REACHABLE = """() => {
    const all = [...document.querySelectorAll("*")];
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    return all.filter(one => one.matches(kinds) && one.checkVisibility()).map(one => all.indexOf(one));
}"""
PAPER = "getComputedStyle(document.body).backgroundColor"


def first_pages(visitor: Visitor) -> list[str]:
    """The pages of the navigation."""
    visitor.go("/remit/")
    found = (
        visitor.page.locator(".top nav >> nth=0")
        .locator("a")
        .evaluate_all("links => links.map(link => link.pathname)")
    )
    assert found
    return list(found)


def dark(visitor: Any) -> bool:
    red, green, blue = (int(part) for part in visitor.evaluate(PAPER)[4:-1].split(","))
    return red + green + blue < 3 * 128


@pytest.mark.parametrize("who", ["vera", "alice", "admin"])
def test_airflow_leads_to_the_pages_from_its_menu(visit: Callable[..., Visitor], who: str) -> None:
    visitor = visit(who)
    visitor.page.goto(f"{visitor.address}/")
    visitor.page.get_by_text("Browse", exact=True).first.click()
    visitor.page.get_by_role("menuitem", name="remit").click()
    visitor.page.frame_locator("iframe").locator("h1").wait_for()
    assert visitor.page.url.startswith(f"{visitor.address}/plugin/remit")
    visitor.picture(f"airflow-menu-{who}", full=False)


def test_a_page_in_airflows_frame_has_an_address_to_pass_on(visit: Callable[..., Visitor]) -> None:
    visitor = visit("vera")
    visitor.look("airflow-frame", visitor.frame("/plugin/remit"))
    visitor.frame("/plugin/remit/remit/evidence?run=sample-held")
    assert "sample-held" in visitor.ours().inner_text("main")


def test_a_run_that_airflow_made_has_its_story_on_the_tabs_of_its_dag_run_and_task(
    deployment: Any, visit: Callable[..., Visitor]
) -> None:
    until = time.monotonic() + 120
    while deployment.api.tasks(DAG, deployment.dag_run)["plan", -1]["state"] != "success":
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.5)
    visitor = visit("vera")
    run = f"/dags/{DAG}/runs/{deployment.dag_run}"
    for name, path in (
        ("airflow-dag-run", f"{run}/plugin/remit-run"),
        ("airflow-task", f"{run}/tasks/migration.plan/plugin/remit-task"),
    ):
        frame = visitor.frame(path)
        visitor.look(name, frame)
        leading = frame.locator("main a").first
        leading.click()
        frame.locator("main h1").wait_for()
        assert "durand" in frame.locator("main").inner_text()


def test_the_pages_follow_the_theme_that_is_chosen_in_airflow(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit("vera", color_scheme="light")
    frame = visitor.frame("/plugin/remit")
    assert not dark(frame)
    for choice in ("Dark", "Light"):
        visitor.page.get_by_text("User", exact=True).first.click()
        visitor.page.get_by_role("menuitem", name="Appearance").click()
        visitor.page.get_by_text(choice, exact=False).last.click()
        visitor.page.keyboard.press("Escape")
        frame.wait_for_function(f"document.documentElement.dataset.theme === '{choice.lower()}'")
        assert dark(frame) == (choice == "Dark")


def test_everything_is_reached_by_keyboard_in_the_order_of_the_page(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit("alice")
    for path in first_pages(visitor):
        visitor.go(path)
        visitor.page.keyboard.press("Tab")
        skip = visitor.page.evaluate(FOCUSED)
        assert (skip["text"], skip["shown"], skip["marked"]) == ("Skip to the content", True, True)
        wanted = visitor.page.evaluate(REACHABLE)
        met = [skip]
        while len(met) < 10 * len(wanted):  # a field for a date is several stops
            visitor.page.keyboard.press("Tab")
            now = visitor.page.evaluate(FOCUSED)
            if now["text"] is None or now["index"] == skip["index"]:
                break
            met.append(now)
        stops = [one["index"] for one in met]
        assert list(dict.fromkeys(stops)) == wanted, path
        assert stops == sorted(stops), path
        assert all(one["marked"] for one in met), [one for one in met if not one["marked"]][:3]


def test_the_skip_link_leads_to_the_content(visit: Callable[..., Visitor]) -> None:
    visitor = visit("vera")
    visitor.go("/remit/evidence")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "content"


def test_a_language_is_chosen_once_for_all_pages(visit: Callable[..., Visitor]) -> None:
    visitor = visit("vera")
    visitor.go("/remit/evidence")
    visitor.page.get_by_role("link", name="Français").click()
    for path in first_pages(visitor):
        visitor.go(path)
        assert visitor.page.get_attribute("html", "lang") == "fr"
        assert visitor.page.get_by_role("link", name="Français").get_attribute("aria-current")
    visitor.page.get_by_role("link", name="English").click()
    assert visitor.page.get_attribute("html", "lang") == "en"


def test_without_scripts_every_page_says_the_same_in_the_systems_theme(
    visit: Callable[..., Visitor],
) -> None:
    plain = visit("vera", java_script_enabled=False, color_scheme="dark")
    usual = visit("vera")
    for path in first_pages(usual):
        plain.go(path)
        usual.go(path)
        assert plain.page.inner_text("h1") == usual.page.inner_text("h1")
        assert len(plain.page.inner_text("main")) > 20
    plain.picture("without-scripts-dark")


def test_whoever_is_not_logged_in_is_led_to_airflows_login(
    windows: Callable[..., Visitor],
) -> None:
    stranger = windows()
    answer = stranger.page.goto(f"{stranger.address}/remit/evidence")
    assert answer is not None
    assert answer.status == 401
    stranger.picture("not-logged-in")
    stranger.page.locator("main a.button").click()
    stranger.page.wait_for_selector("input[name=password]")
    stranger.close()
