"""On the command line a person with an account acts by a login in Airflow, not by a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit.cli import main
from remit.people import Identity
from remit.testing.controller import four_eyes
from remit.testing.world import World


def other(fields: dict[str, Any]) -> None:
    """Another instruction, which gives persons accounts."""
    four_eyes(fields)
    fields["id"] = "durand-named"


@pytest.fixture
def login(database: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A private file with an access token of a user."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def token(user: str) -> Path:
        file = tmp_path / f"{user}.login"
        made = create_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role="user"))
        file.write_text(f"{made}\n")
        file.chmod(0o600)
        return file

    return token


def test_whose_a_token_is_tells_airflows_own_auth_manager(login: Callable[[str], Path]) -> None:
    from remit.operators.login import prove

    assert prove(login("alice").read_text().strip()) == Identity("alice", "airflow")


def test_hold_by_a_login(
    connected: Callable[..., World],
    login: Callable[[str], Path],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from remit.custody import Run, stories
    from remit.operators.login import prove

    world = connected()
    tasks["plan"].execute(context)
    unnamed = stories(world.deployment().log.records())[-1].run
    world.instruct(other)
    named = Run("named", world.deployment(), "test")
    named.open_file(
        world.settings.include / "instructions" / "durand.yaml",
        world.source().label,
        str(world.landing_path),
    )
    capsys.readouterr()

    def hold(run: str, *options: object) -> tuple[int, str]:
        arguments = ["hold", run, "--reason", "an audit", "--json", *map(str, options)]
        code = main(arguments, prove=prove)
        fields = json.loads(capsys.readouterr().out)
        return code, fields.get("error", {}).get("code", "")

    assert hold("named", "--by", "Alice Martin") == (3, "person-not-proven")
    assert hold("named", "--login", login("bruno")) == (3, "act-not-allowed")
    assert hold("named", "--login", login("night-shift")) == (3, "person-account-shared")
    assert hold("named", "--login", login("alice"), "--by", "Bruno Petit")[1] == "person-not-proven"
    assert hold("named")[0] == 2
    assert not named.story.has("held")
    assert hold("named", "--login", login("alice")) == (0, "")
    identity = named.story.last("held")["identity"]
    assert (identity["name"], identity["account"], identity["via"]) == (
        "Alice Martin",
        "alice",
        "airflow",
    )
    monkeypatch.setenv("REMIT_LOGIN", str(login("alice")))
    assert hold("named") == (0, "")
    login("alice").chmod(0o644)
    assert hold("named") == (3, "key-file-open")
    monkeypatch.delenv("REMIT_LOGIN")
    assert hold(unnamed, "--by", "Camille Moreau") == (0, "")


def test_outside_airflow_no_login_counts(
    connected: Callable[..., World],
    login: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    connected()
    assert main(["hold", "run-1", "--reason", "r", "--login", str(login("alice")), "--json"]) == 2
    assert "needs Airflow" in capsys.readouterr().out
