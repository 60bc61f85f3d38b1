"""From a template and values to a page. What is put into a template is escaped, and can be seen."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from remit.errors import one_line, visible
from remit.records import timestamp
from remit.reviewer import pages
from remit.reviewer.words import LANGUAGES, Words

NAVIGATION = (
    "overview",
    "runs",
    "instructions",
    "evidence",
    "alerts",
    "erasures",
    "orphans",
    "record",
)
"""The pages that the navigation leads to, in order, as far as they are there."""

_LANGUAGE = "remit_language"


def _shown(value: Any) -> Any:
    """A value as a template shows it; what a macro made of values has been through this."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    finalize=_shown,  # names from outside, wherever a page shows one
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["one_line"] = one_line
TEMPLATES.globals["stamp"] = timestamp
TEMPLATES.globals["words_of"] = Words.of  # for parts that pages with other words show


def page_modules() -> list[ModuleType]:
    """The modules of `remit.reviewer.pages`."""
    return [import_module(f"{pages.__name__}.{m.name}") for m in iter_modules(pages.__path__)]


def navigation() -> list[str]:
    """The names of the pages that are there, in the navigation's order."""
    there = {module.NAME for module in page_modules()}
    return [name for name in NAVIGATION if name in there]


def page(
    request: Request, name: str, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page.

    Args:
        name: of the page, by which its words and its place in the navigation are found.
        template: its file in ``templates``.
        values: what the template shows. It also has ``w`` (words), ``url``, ``here``, ``language``
            and, where somebody is logged in, ``act_token`` and ``banner``.
    """
    from remit.reviewer.acts import act_token
    from remit.reviewer.banner import banner

    reader = getattr(request.state, "reader", None)
    language = language_of(request)
    body = TEMPLATES.get_template(template).render(
        w=Words.of(name, language),
        language=language,
        languages=LANGUAGES,
        current=name,
        navigation=navigation() if reader else [],
        url=lambda path, /, **query: url(request, path, **query),
        here=lambda **query: _here(request, **query),
        act_token=act_token(request) if reader else None,
        banner=banner(reader) if reader else [],
        **values,
    )
    response = HTMLResponse(body, status)
    if request.query_params.get("language") in LANGUAGES:
        path = request.scope.get("root_path") or "/"
        response.set_cookie(_LANGUAGE, language, path=path, httponly=True, samesite="lax")
    return response


def language_of(request: Request) -> str:
    """English or French: as asked for here, as asked for before, or English."""
    asked = (request.query_params.get("language"), request.cookies.get(_LANGUAGE))
    return next((language for language in asked if language in LANGUAGES), LANGUAGES[0])


def url(request: Request, path: str, /, **query: Any) -> str:
    """The address of a page of ours, by its path below ours; it never names a host."""
    given = {name: value for name, value in query.items() if value is not None}
    asked = f"?{urlencode(given)}" if given else ""
    return f"{request.scope.get('root_path', '')}{path}{asked}"


def _here(request: Request, /, **query: Any) -> str:
    """This page, with other parameters; of what answers an act, the page that the act is below."""
    root = request.scope.get("root_path", "")
    path = request.scope["path"].removeprefix(root)
    if request.method == "POST":
        path = path.rpartition("/")[0]
    return url(request, quote(path), **{**request.query_params, **query})
