"""An Airflow of the tests' own: its settings are in place before anything imports Airflow."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remit.alerts import emergency
from remit.errors import Unavailable
from remit.testing.controller import Edit
from remit.testing.world import World

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="remit-airflow-tests-"))
DAGS = HOME / "dags"
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

# Deprecations inside Airflow, which its users can do nothing about.
NOISE = ("ignore:GitWildMatchPattern:DeprecationWarning",)

QUICK_DAG = """
from datetime import timedelta
from airflow.sdk import DAG
from remit.operators import ControlledMigration

with DAG("quick_migration", schedule=None, catchup=False) as dag:
    ControlledMigration(
        instruction="include/instructions/durand.yaml",
        source_conn_id="durand_lis",
        landing_conn_id="kalisil_landing",
        poke_interval=0.2,
        retries=1,
        retry_delay=timedelta(seconds=1),
    )
"""

FOUR_EYES_DAG = """
from airflow.sdk import DAG
from remit.operators import ControlledMigration

with DAG("four_eyes", schedule=None, catchup=False, default_args={"owner": "dora"}) as dag:
    ControlledMigration(
        instruction="include/instructions/durand.yaml",
        source_conn_id="durand_lis",
        landing_conn_id="kalisil_landing",
        retries=0,
    )
"""

shutil.copytree(REPOSITORY / "dags", DAGS, ignore=shutil.ignore_patterns("__pycache__"))
(DAGS / "quick_migration.py").write_text(QUICK_DAG)
(DAGS / "four_eyes.py").write_text(FOUR_EYES_DAG)
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "PYTHONPATH": str(REPOSITORY / "plugins"),
        "NO_COLOR": "1",
        "AIRFLOW__API__SECRET_KEY": "1" * 64,
        "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,alice:user,vera:viewer",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for noise in NOISE:
                item.add_marker(pytest.mark.filterwarnings(noise))


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def database() -> Path:
    """The metadata database; made in a process of its own, whose warnings are not ours."""
    code = "from airflow.utils.db import initdb; initdb()"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return HOME / "airflow.db"


@pytest.fixture
def airflow_home(database: Path, tmp_path: Path) -> Callable[[], Path]:
    """Gives a copy of Airflow's home, made by another process.

    Whoever opens SQLite's files and closes them drops every lock that the process has on them.
    """

    def copied() -> Path:
        copy = tmp_path / "airflow-home"
        subprocess.run(["cp", "-R", database.parent, copy], check=True)
        return copy

    return copied


@pytest.fixture
def connected(
    make_world: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., World]:
    """Makes a world with a signed instruction, and its places the environment of the tasks."""

    def connect(edit: Edit | None = None) -> World:
        world = make_world("world")
        world.instruct(edit)
        world.landing_path.mkdir(mode=0o750)
        source = {"conn_type": "sqlite", "host": str(world.root / "lis.sqlite")}
        landing = {"conn_type": "fs", "extra": {"path": str(world.landing_path)}}
        monkeypatch.setenv("AIRFLOW_CONN_DURAND_LIS", json.dumps(source))
        monkeypatch.setenv("AIRFLOW_CONN_KALISIL_LANDING", json.dumps(landing))
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        return world

    return connect


@pytest.fixture
def eight_days_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has every task that follows see a clock that is past the maximum age of seven days."""

    def go() -> None:
        from remit import wiring

        opened, ahead, now = wiring.open_deployment, timedelta(days=8), wiring.clock
        monkeypatch.setattr(wiring, "clock", lambda: now() + ahead)
        later = lambda settings, resolve: opened(settings, now=wiring.clock, resolve=resolve)  # noqa: E731
        monkeypatch.setattr(wiring, "open_deployment", later)

    return go


@pytest.fixture
def context() -> Any:
    """As much of a task's context as the operators look at."""
    return {"run_id": "manual__1", "ti": SimpleNamespace(map_index=-1)}


@pytest.fixture
def tasks() -> dict[str, Any]:
    """The tasks of the quick migration, by their step."""
    return {task.task_id.split(".")[-1]: task for task in load_dag("quick_migration").tasks}


@pytest.fixture
def dag_of() -> Callable[[str], Any]:
    """Parses a DAG of the deployment."""
    return load_dag


@pytest.fixture
def run_dag(database: Path) -> Callable[[str], Any]:
    """Runs a DAG through Airflow, in this process."""

    def run(dag_id: str) -> Any:
        dag = load_dag(dag_id)
        dag.deadline = None  # with one, Airflow cannot test a DAG: apache/airflow#73428
        return dag.test()

    return run


def load_dag(dag_id: str) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(DAGS)
    assert not bag.import_errors
    return bag.dags[dag_id]


@pytest.fixture
def start_target() -> Iterator[Callable[[World], None]]:
    """Starts the target of a world as a process of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(world: World) -> None:
        command = [sys.executable, "-m", "remit.testing.target", "serve", world.root / "target"]
        places = [
            "--landing",
            world.landing_path,
            "--trust",
            world.settings.include / "controllers",
        ]
        started.append(subprocess.Popen([*command, *places]))

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def airflow_app(database: Path) -> Any:
    """Airflow's own application with its SimpleAuthManager, in this process; `known_migration` is a DAG."""
    from airflow.api_fastapi.app import create_app
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="tests"))
        session.flush()
        session.merge(
            DagModel(dag_id="known_migration", bundle_name="tests", fileloc="/dags/it.py")
        )
    return create_app(apps="core")


@pytest.fixture
def logged_in(airflow_app: Any) -> Callable[[str | None], Any]:
    """A browser with the cookie of a login: of admin, alice and paul (users), vera (viewer), `nobody`, who
    has no role, or None, without a login."""

    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from starlette.testclient import TestClient

    roles = {"admin": "ADMIN", "alice": "USER", "paul": "USER", "vera": "VIEWER", "nobody": None}

    def log_in(name: str | None) -> TestClient:
        client = TestClient(airflow_app, follow_redirects=False, raise_server_exceptions=False)
        if name is not None:
            user = SimpleAuthManagerUser(username=name, role=roles[name])
            client.cookies.set("_token", get_auth_manager().generate_jwt(user), path="/")
        return client

    return log_in


@pytest.fixture(scope="session")
def reviewed_world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """A processor with three runs that were opened: by a DAG, by one that is gone, and by hand."""
    root = tmp_path_factory.mktemp("reviewed")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    openers = {
        "known-run": "airflow:known_migration/manual__1",
        "gone-run": "airflow:gone_migration/manual__1",
        "hand-run": "os:operator",
    }
    for run, principal in openers.items():
        world.open_run(run, lambda fields, run=run: fields.update(id=run), by=principal)
    # An alert with an id that is known beforehand, and that is not in the log.
    since = world.clock() - timedelta(hours=1)
    emergency.declare(world.deployment().notes, Unavailable("the ledger", "no answer"), since)
    return world


@pytest.fixture
def reviewed(reviewed_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same, as the deployment that the pages show."""
    for name, value in reviewed_world.environment.items():
        monkeypatch.setenv(name, value)
    return reviewed_world
