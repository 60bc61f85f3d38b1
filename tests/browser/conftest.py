"""One Airflow and one browser for all files of this folder; both end with its last test."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from remit.reviewer import pages
from remit.testing.airflow_api import AirflowApi
from remit.testing.browser import Visitor, chromium
from remit.testing.demo_home import REPOSITORY, DemoHome
from remit.testing.sample_runs import SampleRuns
from remit.testing.standalone import USERS, airflow, prepare

DAG = "durand_migration"


class Deployment(NamedTuple):
    """An Airflow that runs, and a run of a DAG that was started in it."""

    address: str
    passwords: dict[str, str]
    home: DemoHome
    api: AirflowApi
    dag_run: str


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """What `make up` starts, with a run of hostile names besides, and one that Airflow begins."""
    home = DemoHome(tmp_path_factory.mktemp("browser") / "home")
    prepare(home, 300)
    SampleRuns(home).hostile()
    with airflow(home, 0) as (address, passwords):
        api = AirflowApi(address, "alice", passwords["alice"])
        yield Deployment(address, passwords, home, api, api.trigger(DAG))


@pytest.fixture(scope="session")
def routes() -> list[str]:
    """The path of every page, as the modules declare it: Airflow, which they import, has settings of
    another test's in this process."""
    found = []
    for module in pages.__path__:
        for file in sorted(Path(module).glob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(ast.Attribute(attr="get"), [ast.Constant(str(path))]):
                        found.append(path)
    return [path for path in found if path.startswith("/")]


@pytest.fixture(scope="package")
def screenshots() -> Path:
    """Where the pictures go; CI keeps the folder."""
    return Path(os.environ.get("REMIT_SCREENSHOTS") or REPOSITORY / ".screenshots")


@pytest.fixture(scope="package")
def windows(deployment: Deployment, screenshots: Path) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser window of somebody who is not logged in; options are Playwright's."""
    with chromium() as browser:
        yield lambda **options: Visitor(browser, deployment.address, screenshots, **options)


@pytest.fixture(scope="package")
def logins(deployment: Deployment, windows: Callable[..., Visitor]) -> dict[str, Any]:
    """The cookies of each user's login, who came in by Airflow's own page."""
    states = {}
    for name in USERS:
        visitor = windows()
        visitor.log_in(name, deployment.passwords[name])
        states[name] = visitor.context.storage_state()
        assert visitor.problems == []
        visitor.close()
    return states


@pytest.fixture
def visit(
    windows: Callable[..., Visitor], logins: dict[str, Any]
) -> Iterator[Callable[..., Visitor]]:
    """Opens a window of a user who is logged in; at the end nothing may have gone wrong in it."""
    opened: list[Visitor] = []

    def visit(name: str, **options: Any) -> Visitor:
        opened.append(windows(storage_state=logins[name], **options))
        return opened[-1]

    yield visit
    for visitor in opened:
        visitor.close()
    problems = [problem for visitor in opened for problem in visitor.problems]
    assert not problems, "\n".join(problems)
