"""The pages as one application, mounted by the plugin below /remit."""

from __future__ import annotations

from contextlib import suppress

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from remit.errors import RemitError
from remit.reviewer.boards import board
from remit.reviewer.gate import Gate
from remit.reviewer.problems import problem
from remit.reviewer.rendering import page_modules


def application() -> FastAPI:
    """Every page, behind the gate; no documentation routes. The evidence is being read from now on."""
    with suppress(RemitError):  # every page tells what is wrong
        board().start()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Gate)
    for kind in (HTTPException, RequestValidationError, RemitError):
        app.add_exception_handler(kind, problem)
    for module in page_modules():
        app.include_router(module.router)
    return app
