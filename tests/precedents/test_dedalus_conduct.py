"""SAN-2022-009 of 15 April 2022, F7 to F12 (docs/precedents.md): how it was run; each is tried."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow.alerting import CAMILLE, CONTROLLER, DPO, OWNER, supervised

from remit.alerts.desk import Desk
from remit.alerts.model import ALERTS, Alert
from remit.alerts.supervise import supervise
from remit.custody import Run
from remit.errors import Refused
from remit.people import Identity
from remit.testing import answers
from remit.testing.channels import Postbox
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


def test_f7_nor_does_anybody_act_by_an_account_that_several_share(world: World) -> None:
    run = run_of(world)
    postbox = Postbox()

    for account in ("labo-team", "admin", "svc-remit"):
        with pytest.raises(Refused) as caught:
            run.hold(Identity(account, "airflow"), "A review is going on", later(world))
        assert caught.value.code == "person-account-shared"

    assert {alert.kind for alert in noticed(world, postbox)} == {"unexpected-principal"}
    assert ("unexpected-principal", OWNER) in postbox.told
    run.hold(CAMILLE, "A review is going on", later(world))
    held = run.story.last("held")["identity"]
    assert (held["name"], held["account"], held["via"]) == ("Camille Moreau", "camille", "airflow")


def test_f7_nor_is_one_account_given_to_two_persons(world: World, processor: Processor) -> None:
    def two(fields: Fields) -> None:
        fields["contacts"]["authorised"] = [
            {"name": "Camille Moreau", "email": "camille@m.example", "account": "biologie"},
            {"name": "Ines Blanc", "email": "ines@m.example", "account": "biologie"},
        ]

    assert processor.refused(processor.run(two)) == "instruction-invalid"


# --- F8: nobody watches, nobody is told -----------------------------------------------------------


SCHEDULE = "airflow:durand_migration/scheduled__1"


def run_of(world: World, name: str = "durand-watched", by: str = SCHEDULE, **more: Any) -> Run:
    """A run under an instruction that names people with accounts, and whom alerts climb to."""

    def watched(fields: Fields) -> None:
        supervised(fields, **more)
        fields["contacts"]["shared_accounts"] = ["labo-team"]

    return world.open_run(name, watched, by)


def later(world: World) -> datetime:
    return world.clock() + timedelta(days=3)


def climbs(world: World, postbox: Postbox, alert: Alert) -> list[str]:
    """Who is told of an alert, while nobody does anything and hours go by."""
    for _ in range(6):
        world.clock.advance(hours=1)
        supervise(world.deployment(), [postbox], "os:supervisor")
    return [n.email for n in postbox.notices if n.kind == alert.kind]


def test_f8_a_login_that_nobody_expected_is_told_and_climbs_to_the_controller(world: World) -> None:
    run, postbox = run_of(world), Postbox()
    assert noticed(world) == []
    mallory = Identity("mallory", "airflow", "203.0.113.9")
    with pytest.raises(Refused) as caught:
        run.hold(mallory, "Keep the files for me", later(world))
    assert caught.value.code == "person-not-authorised"

    [alert] = noticed(world, postbox)

    assert (alert.kind, alert.severity) == ("unexpected-principal", "high")
    assert climbs(world, postbox, alert) == [OWNER, DPO, CONTROLLER]
    recorded = [r.data for r in world.deployment().log.records(ALERTS) if r.kind == "escalated"]
    assert [(one["tier"], one["email"], one["told"]) for one in recorded] == [
        (0, OWNER, True), (1, DPO, True), (2, CONTROLLER, True)
    ]  # fmt: skip


def test_f8_an_act_from_elsewhere_is_seen_though_the_account_is_right(world: World) -> None:
    run = run_of(world, addresses=["10.0.0.0/8"])
    noticed(world)

    run.hold(replace(CAMILLE, address="203.0.113.9"), "A review is going on", later(world))

    [alert] = noticed(world)
    assert (alert.kind, alert.about) == ("unexpected-address", "address 203.0.113.9")


def test_f8_so_is_an_engineer_who_starts_what_only_a_schedule_started(world: World) -> None:
    run_of(world)
    noticed(world)

    run_of(world, "durand-by-hand", by="os:intern")

    found = {alert.kind: alert for alert in noticed(world)}
    assert "os:intern, which no earlier run" in found["unexpected-principal"].message


def test_f8_a_target_that_refuses_what_it_got_is_heard(world: World) -> None:
    run = run_of(world)
    world.deliver(run)
    noticed(world)
    said = answers.Answers(world, run)
    said.put(said.signed(said.true(), status="rejected"))
    with pytest.raises(Refused):
        run.confirm(world.landing())

    assert [alert.kind for alert in noticed(world)] == ["receipt-negative"]


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


# --- F10: warnings that were dismissed ------------------------------------------------------------


WHY = "The vendor renamed a column; a new version is asked for"


@pytest.fixture
def warned(world: World) -> tuple[World, Alert, Postbox]:
    """A warning, told to its owner."""
    postbox = Postbox()
    with pytest.raises(Refused):
        run_of(world).seal()
    [alert] = noticed(world, postbox)
    return world, alert, postbox


def desk(world: World) -> Desk:
    return Desk(world.deployment(), "test")


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("mallory", "person-not-authorised"),
        ("labo-team", "person-account-shared"),
        ("admin", "person-account-shared"),
    ],
)
def test_f10_nobody_dismisses_a_warning_who_is_nobody_or_everybody(
    warned: tuple[World, Alert, Postbox], account: str, code: str
) -> None:
    world, alert, _ = warned
    for act in (desk(world).acknowledge, desk(world).close):
        with pytest.raises(Refused) as caught:
            act(alert.id, Identity(account, "airflow"), WHY)
        assert caught.value.code == code

    assert desk(world).alert(alert.id).state == "open"
    assert {one.kind for one in noticed(world)} == {"unexpected-principal"}, "trying is seen"


def test_f10_nor_without_a_reason(warned: tuple[World, Alert, Postbox]) -> None:
    world, alert, _ = warned
    for reason in ("", "ok", "n/a"):
        with pytest.raises(Refused) as caught:
            desk(world).close(alert.id, CAMILLE, reason)
        assert caught.value.code == "alert-reason"
    assert desk(world).alert(alert.id).state == "open"


def test_f10_a_warning_that_nobody_answers_reaches_the_controller(
    warned: tuple[World, Alert, Postbox],
) -> None:
    world, alert, postbox = warned
    assert climbs(world, postbox, alert) == [OWNER, DPO, CONTROLLER]
    world.clock.advance(days=300)  # March to November 2020 was eight months
    noticed(world)
    assert desk(world).alert(alert.id).state == "open"


def test_f10_one_that_was_acknowledged_and_left_comes_back(
    warned: tuple[World, Alert, Postbox],
) -> None:
    world, alert, postbox = warned
    taken = desk(world).acknowledge(alert.id, CAMILLE, WHY)
    assert taken.acknowledged is not None
    assert (taken.acknowledged.person, taken.acknowledged.reason) == ("Camille Moreau", WHY)
    assert climbs(world, postbox, alert) == [OWNER], "it rests"
    world.clock.advance(days=7)

    assert climbs(world, postbox, alert) == [OWNER, OWNER, DPO, CONTROLLER]
    assert desk(world).alert(alert.id).state == "open"


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
