"""SAN-2022-009 of 15 April 2022, F7, F9, F11 and F12 (docs/precedents.md): how it was run; each is tried."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.errors import Refused
from remit.testing.sftp import SftpServer
from remit.testing.world import World

from .conftest import Processor, noticed, sent

Fields = dict[str, Any]
REPOSITORY = Path(__file__).resolve().parents[2]


# --- F7: an FTP server that lets everybody in -----------------------------------------------------


def test_f7_an_ftp_server_is_never_connected_to(world: World, processor: Processor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        place = f"ftp://anonymous@127.0.0.1:{listener.getsockname()[1]}/public"

        assert processor.refused(processor.run(landing=place)) == "landing-insecure"
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.fixture
def sshd() -> Iterator[SftpServer]:
    with SftpServer() as running:
        yield running


def test_f7_nor_one_account_that_several_employees_share(
    world: World, processor: Processor, sshd: SftpServer
) -> None:
    def shared(fields: Fields) -> None:
        fields["security"] |= {"transport": "sftp", "endpoint": sshd.fingerprint}
        fields["security"]["account"]["shared"] = [sshd.user]

    assert processor.refused(processor.run(shared, landing=sshd.url())) == "landing-account-shared"


def test_f7_nor_a_folder_that_is_everybodys(world: World, processor: Processor) -> None:
    world.landing_path.mkdir()
    world.landing_path.chmod(0o777)

    assert processor.refused(processor.run()) == "landing-open"


def test_f7_nor_is_one_account_given_to_two_persons(world: World, processor: Processor) -> None:
    def two(fields: Fields) -> None:
        fields["contacts"]["authorised"] = [
            {"name": "Camille Moreau", "email": "camille@m.example", "account": "biologie"},
            {"name": "Ines Blanc", "email": "ines@m.example", "account": "biologie"},
        ]

    assert processor.refused(processor.run(two)) == "instruction-invalid"


# --- F9: a file that was left over ----------------------------------------------------------------


def test_f9_a_leftover_made_for_a_clients_migration_is_found(
    world: World, processor: Processor
) -> None:
    processor.run()
    left = world.landing_path / "migration-durand-2018.csv"
    left.write_text("nom;prenom;nir\n")

    code, said = processor("sweep")

    assert code == 0
    [found] = said["orphans"]
    assert (found["place"], found["files"]) == (str(world.landing_path), 1)
    assert "durand-2018" not in str(said), "a file's name may be a patient's"
    [alert] = noticed(world)
    assert (alert.kind, alert.severity) == ("orphans", "high")
    assert "durand-2018" not in str(alert.as_json())


# --- F11: no procedure ----------------------------------------------------------------------------


def test_f11_no_step_of_the_procedure_can_be_left_out(world: World) -> None:
    run = world.open_run()
    steps = world.steps(run)
    steps["plan"]()
    steps["extract"]()

    with pytest.raises(Refused) as caught:
        steps["deliver"]()

    assert caught.value.code == "step-out-of-order"
    assert sent(world) == []
    [alert] = noticed(world)
    assert (alert.kind, alert.run) == ("refusal", run.id)


DAG = """
from airflow.sdk import DAG
from remit.operators import *

CONNECTIONS = {"source_conn_id": "durand_lis", "landing_conn_id": "kalisil_landing"}
with DAG("@ID", schedule=None):
    (
        PlanOperator(task_id="plan", instruction="include/instructions/durand.yaml", **CONNECTIONS)
        >> ExtractOperator(task_id="extract", source_conn_id="durand_lis")
        >> ValidateOperator(task_id="validate")
        >> SealOperator(task_id="seal")
        >> ApproveOperator(task_id="approve")
        >> DeliverOperator(task_id="deliver")
        >> ConfirmOperator(task_id="confirm")
    )
"""
BAG = """
import json, sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
errors = {Path(path).stem: error for path, error in bag.import_errors.items()}
print(json.dumps({"errors": errors, "dags": sorted(bag.dags)}))
"""


def test_f11_nor_can_a_dag_be_written_without_one(world: World, tmp_path: Path) -> None:
    """Airflow's own bag takes the whole procedure, and refuses each that lacks a step."""
    world.instruct()
    home = tmp_path / "airflow"
    shutil.copytree(REPOSITORY / "config", home / "config")
    (home / "dags").mkdir()
    lines = DAG.splitlines(keepends=True)
    steps = [line for line in lines if "task_id=" in line]
    (home / "dags" / "whole.py").write_text(DAG.replace("@ID", "whole"))
    for left_out in ("validate", "seal", "approve", "confirm"):
        text = "".join(line for line in lines if f'"{left_out}"' not in line)
        (home / "dags" / f"no_{left_out}.py").write_text(text.replace("@ID", f"no_{left_out}"))
    assert len(steps) == 7
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "REMIT_"))}
    settings = kept | world.environment | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(REPOSITORY / "plugins"),
        "NO_COLOR": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", BAG, str(home / "dags")]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)

    bag = json.loads(done.stdout.splitlines()[-1])

    assert bag["dags"] == ["whole"]
    assert len(bag["errors"]) == 4
    for name, error in bag["errors"].items():
        missing = name.removeprefix("no_")
        assert f"dag-shape-incomplete at {name}: not there: {missing}." in error


# --- F12: a contract that says nothing ------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "article"),
    [
        ("processor.contract", "28(3)"),
        ("subject", "28(3)"),
        ("nature", "28(3)"),
        ("purpose", "28(3)"),
        ("data_subjects", "28(3)"),
        ("valid", "28(3)"),
        ("retention", "28(3)(g)"),
        ("subprocessors", "28(3)(d)"),
        ("security", "28(3)(c)"),
        ("contacts.confidentiality", "28(3)(b)"),
        ("contacts.audit", "28(3)(h)"),
        ("contacts.breach", "28(3)(f)"),
    ],
)
def test_f12_an_instruction_without_what_article_28_asks_for(
    world: World, processor: Processor, field: str, article: str
) -> None:
    def leave_out(fields: Fields) -> None:
        *parents, last = field.split(".")
        for parent in parents:
            fields = fields[parent]
        del fields[last]

    code, said = processor.run(leave_out)

    assert processor.refused((code, said)) == "instruction-incomplete"
    assert f"Art. {article}" in str(said["error"])
