"""Who acts on the command line: by a login in Airflow, or by name where no account could prove it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from remit.errors import UsageError
from remit.people import Identity
from remit.private_files import read_private
from remit.wiring import os_user

Prove = Callable[[str], Identity]
"""Whose an access token of Airflow is."""

_LONGEST_TOKEN = 1 << 16


def no_logins(token: str) -> Identity:  # noqa: ARG001
    """Outside Airflow no login can be checked."""
    raise UsageError("a login needs Airflow; run it as `airflow remit ...`.")


def add_person(parser: argparse.ArgumentParser, about: str) -> None:
    """The options by which a person acts.

    Args:
        about: what `--by` is for.
    """
    parser.add_argument("--by", metavar="PERSON", help=f"{about}: name or e-mail, as instructed")
    about = "a private file with an access token of Airflow (POST /auth/token), whose user acts"
    parser.add_argument("--login", type=Path, metavar="FILE", help=f"{about}; or REMIT_LOGIN")


def acting(options: argparse.Namespace) -> Identity:
    """Who acts.

    Raises:
        Refused: key-file-open, login-invalid.
        UsageError: nobody is named; the file cannot be read; outside Airflow.
    """
    file = options.login or os.environ.get("REMIT_LOGIN")
    if file:
        prove: Prove = options.prove
        return replace(prove(_token(Path(file))), person=options.by)
    if not (options.by or "").strip():
        raise UsageError("name who acts (--by PERSON), or give a login (--login FILE).")
    return Identity(os_user(), "command-line", person=options.by)


def _token(file: Path) -> str:
    try:
        return read_private(file, _LONGEST_TOKEN).decode("ascii").strip()
    except (OSError, ValueError):
        raise UsageError("the file of the login cannot be read, or holds no token.") from None
