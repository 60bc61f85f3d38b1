"""A person's browser on Airflow and the reviewer's pages: it looks at them, and notes what is wrong.

Chromium is Debian's; Playwright brings none with it and only speaks to it. Whatever a page asks of
another host is a problem, and so is every error in the console (a violated content security policy is one).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Frame,
    Page,
    Request,
    sync_playwright,
)

from remit.errors import Unavailable

CHROMIUM = "/usr/bin/chromium"
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
THEMES = ("light", "dark")
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
# At each of these axe looks as well: contrast hangs on the theme, what is there on the width.
_AXE_AT = {("laptop", "light"), ("phone", "dark")}
_SET_THEME = """theme => {
    localStorage.setItem("theme", theme);
    window.dispatchEvent(new StorageEvent("storage", {key: "theme", newValue: theme}));
}"""
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

_LEADS = """() => [
    ...[...document.links].map(link => link.href),
    ...[...document.forms].filter(form => form.method === "get")
        .map(form => `${form.action}?${new URLSearchParams(new FormData(form))}`),
]"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window, with a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """Somebody in front of a browser.

    Attributes:
        page: what is open.
        problems: what went wrong so far, in words; it ought to be empty.
    """

    def __init__(self, browser: Browser, address: str, screenshots: Path, **options: Any) -> None:
        """Open a browser window.

        Args:
            address: Airflow's. screenshots: the folder for them.
            options: of Playwright's `new_context`.
        """
        self.address = address
        self.problems: list[str] = []
        self._screenshots = screenshots
        self.context: BrowserContext = browser.new_context(**options)
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self._wrong(f"script: {error.error}"))
        self.context.on("dialog", self._interrupted)
        self.context.on("request", self._asked)
        self.context.on("requestfailed", self._failed)
        self.page: Page = self.context.new_page()
        self.resize("laptop")

    def log_in(self, user: str, password: str) -> None:
        """Log in to Airflow as a person does."""
        self.page.goto(f"{self.address}/auth/login")
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "login" not in url)

    def go(self, path: str) -> None:
        """Open a page by its path, and note it if it is no good."""
        answer = self.page.goto(f"{self.address}{path}")
        if answer is None or answer.status >= 400:
            self._wrong(f"{path}: {answer.status if answer else 'no'} answer")

    def frame(self, path: str) -> Frame:
        """Open a page of Airflow that has one of ours in it; ours, once it is there."""
        self.page.goto(f"{self.address}{path}")
        self.page.frame_locator("iframe").locator("h1").wait_for()
        return self.ours()

    def ours(self) -> Frame:
        """The page of ours that is in one of Airflow's."""
        ours = next(iter(self.page.main_frame.child_frames), None)
        if ours is None:
            raise Unavailable(self.page.url, "no page of remit is in it")
        ours.wait_for_load_state()
        return ours

    def resize(self, size: str) -> None:
        """Sit at a laptop, or hold a phone."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})

    def theme(self, theme: str) -> None:
        """Choose light or dark, as Airflow's menu does."""
        self.page.evaluate(_SET_THEME, theme)

    def look(self, name: str, frame: Frame | None = None) -> None:
        """Take pictures in both themes and sizes, and note what is not accessible or too wide.

        Args:
            frame: the part of the page that is ours, where Airflow's is around it.
        """
        ours = frame or self.page
        for size in SIZES:
            self.resize(size)
            self.require_fits(name, ours)
            for theme in THEMES:
                self.theme(theme)
                self.picture(f"{name}-{size}-{theme}", full=frame is None)
                if (size, theme) in _AXE_AT:
                    self._axe(f"{name} ({size}, {theme})", ours)
        self.resize("laptop")

    def glance(self, name: str) -> None:
        """The same once: of another page like one that was looked at."""
        self.resize("phone")
        self.require_fits(name)
        self.resize("laptop")
        self.theme("light")
        self.picture(f"{name}-laptop-light")
        self._axe(name, self.page)

    def picture(self, name: str, *, full: bool = True) -> None:
        """Keep a picture of the page."""
        self._screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=full)

    def require_fits(self, name: str, ours: Page | Frame | None = None) -> None:
        """Note it if the page must be scrolled sideways."""
        wider = (ours or self.page).evaluate(_WIDER)
        if wider > 0:
            self._wrong(f"{name}: {wider} pixels too wide for {self.page.viewport_size}")

    def links(self) -> list[str]:
        """Paths and queries below /remit to which links lead, and forms that only ask, as they stand.

        Those to other languages are left out.
        """
        found = self.page.evaluate(_LEADS)
        parts = [urlsplit(link) for link in found if link.startswith(f"{self.address}/remit/")]
        return sorted(
            {
                f"{part.path}?{part.query}" if part.query else part.path
                for part in parts
                if "language=" not in part.query
            }
        )

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    # --- what is noted ------------------------------------------------------------------------

    def _axe(self, name: str, ours: Page | Frame) -> None:
        found = Axe().run(ours).response["violations"]
        for one in found:
            places = "; ".join(str(node["target"]) for node in one["nodes"][:3])
            self._wrong(f"{name}: {one['impact']}: {one['help']} ({one['id']}) at {places}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._wrong(f"console: {message.text} ({message.location.get('url')})")

    def _interrupted(self, dialog: Dialog) -> None:
        self._wrong(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self._wrong(f"another host was asked: {request.url}")

    def _failed(self, request: Request) -> None:
        # Airflow's own pages break requests off; of ours they are broken off when one goes on.
        ours = request.url.startswith(f"{self.address}/remit")
        if ours and request.failure != "net::ERR_ABORTED":
            self._wrong(f"{request.url}: {request.failure}")

    def _wrong(self, what: str) -> None:
        self.problems.append(what)
