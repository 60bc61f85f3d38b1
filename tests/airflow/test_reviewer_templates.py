"""Templates, words and files of the pages, looked at as they are written."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from remit import reviewer
from remit.reviewer.pages.static import FILES
from remit.reviewer.rendering import NAVIGATION, TEMPLATES, page_modules
from remit.reviewer.words import LANGUAGES, _read, files

FOLDER = Path(reviewer.__file__).parent
NAMES = sorted(TEMPLATES.list_templates())
FORBIDDEN = {
    "an inline style": r"<style|\sstyle\s*=",
    "an inline script": r"<script(?![^>]*\ssrc=)[^>]*>|javascript:",
    "an event handler": r"\son[a-z]+\s*=",
    "another host": r"(?:src|href|action)\s*=\s*[\"']?\s*(?:[a-z]+:)?//|url\(\s*[\"']?\s*(?:https?:)?//",
    "a data URL": r"data:",
    "an escape that is off": r"\|\s*safe|autoescape|Markup",
    "an attribute without quotes": r"=\s*{{",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_nothing_inline_and_no_other_host(name: str) -> None:
    text = (FOLDER / "templates" / name).read_text("utf-8")
    for what, pattern in FORBIDDEN.items():
        assert not re.search(pattern, text, re.IGNORECASE), what


@pytest.mark.parametrize("name", NAMES)
def test_every_template_escapes(name: str) -> None:
    assert TEMPLATES.autoescape is True
    hostile = "<i onclick='x'>\""
    assert TEMPLATES.from_string("{{ it }}").render(it=hostile) == (
        "&lt;i onclick=&#39;x&#39;&gt;&#34;"
    )
    assert TEMPLATES.get_template(name)  # it compiles


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_names_no_other_host(name: str) -> None:
    text = (FOLDER / "static" / name).read_text("utf-8")
    text = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(
        r"//[a-z]|@import|data:|eval|innerHTML|document\.write", text.replace("// ", "")
    )
    assert {path.name for path in (FOLDER / "static").iterdir()} == set(FILES)


@pytest.mark.parametrize("page", files())
def test_every_phrase_is_in_both_languages_with_the_same_places(page: str) -> None:
    for key, said in _read(page).items():
        assert sorted(said) == sorted(LANGUAGES), key
        places = [
            {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
            for text in said.values()
        ]
        assert places[0] == places[1], key
        assert all(text.strip() for text in said.values()), key
        assert not re.search(" [:;!?]", said["fr"]), f"{key}: a no-break space stands there"
    if page != "common":
        assert not _read(page).keys() & _read("common").keys()


def test_the_navigation_leads_to_pages_that_are_there() -> None:
    for module in page_modules():
        paths = {route.path for route in module.router.routes}
        assert module.NAME not in NAVIGATION or f"/{module.NAME}" in paths
    assert all(f"nav_{name}" in _read("common") for name in NAVIGATION)
