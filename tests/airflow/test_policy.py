"""The cluster policy in Airflow: what it refuses is an import error that names rule and way out."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.instruction import envelope_path
from remit.testing.controller import Controller, Parties

HEAVY = ("great_expectations pyarrow duckdb adbc_driver_manager pandas numpy remit.custody").split()
POLICY = ["remit.instruction", "remit.operators.policy.rules"]

PARSE = f"""
import json, sys
from pathlib import Path
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps({{
    "errors": {{Path(path).stem: error for path, error in bag.import_errors.items()}},
    "dags": sorted(bag.dags),
    "modules": [name for name in {HEAVY + POLICY} if name in sys.modules],
}}))
"""

HEAD = """
from airflow.sdk import DAG, BaseOperator, task, task_group
from remit.operators import *

CONNECTIONS = {"source_conn_id": "durand_lis", "landing_conn_id": "kalisil_landing"}
WHOLE = {"instruction": "include/instructions/durand.yaml", **CONNECTIONS}

def by_hand(source="durand_lis", rule="all_success", extract=ExtractOperator):
    return (
        PlanOperator(task_id="plan", **WHOLE)
        >> extract(task_id="extract", source_conn_id=source)
        >> ValidateOperator(task_id="validate", trigger_rule=rule)
        >> SealOperator(task_id="seal")
        >> ApproveOperator(task_id="approve")
        >> DeliverOperator(task_id="deliver")
        >> ConfirmOperator(task_id="confirm")
    )

class Mine(ExtractOperator):
    def step(self, run): ...

class Query(BaseOperator):
    def __init__(self, sql_conn_id, **kwargs):
        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id

def instructed(file, **more):
    return ControlledMigration(instruction=f"include/instructions/{file}", **CONNECTIONS, **more)

@task_group
def sites(site):
    ControlledMigration(**WHOLE)

with DAG("@ID", schedule=None) as dag:
"""

INDEPENDENT = ["remit_deletion", "remit_supervision", "remit_sweep"]
RIGHT = {
    "whole": "ControlledMigration(**WHOLE)",
    "hand": "by_hand()",
    "two": "instructed('durand.yaml', group_id='a') >> instructed('durand.yaml', group_id='b')",
    "beside": "ControlledMigration(**WHOLE)\nQuery(task_id='other', sql_conn_id='warehouse')",
    "expired": "instructed('expired.yaml')",
    "later": "instructed('later.yaml')",
    "deletion": "DeleteOperator.partial(task_id='delete').expand("
    "due=ListDueOperator(task_id='list_due').output)\nSweepOperator(task_id='sweep')\n"
    "SuperviseOperator(task_id='supervise')",
}
WRONG = {
    "alone": (
        "ExtractOperator(task_id='extract', source_conn_id='durand_lis')",
        "dag-shape-incomplete at alone: not there: plan, validate, seal, approve, deliver, confirm.",
    ),
    "order": ("by_hand(rule='all_done')", "dag-shape-order at order/validate: "),
    "differs": ("by_hand(source='other_lis')", "dag-shape-differs at differs/extract: "),
    "changed": ("by_hand(extract=Mine)", "dag-operator-changed at changed/extract: "),
    "mapped": ("sites.expand(site=[1, 2])", "dag-step-mapped at mapped/sites.migration.plan: "),
    "attribute": (
        "ControlledMigration(**WHOLE)\ndag.get_task('migration.extract').sql = 'SELECT 1'",
        "dag-hand-written-sql at attribute/migration.extract: it was given sql;",
    ),
    "door": (
        "ControlledMigration(**WHOLE)\nQuery(task_id='copy', sql_conn_id='durand_lis')",
        "dag-side-door at door/copy: its sql_conn_id uses the connection durand_lis",
    ),
    "absent": ("instructed('absent.yaml')", "dag-instruction-missing at absent/migration.plan: "),
    "template": (
        "instructed('{{ params.file }}')",
        "dag-instruction-templated at template/migration.plan: ",
    ),
    "variable": (
        "ControlledMigration(**(WHOLE | {'source_conn_id': '{{ var.value.lis }}'}))",
        "dag-connection-templated at variable/migration.plan: its source_conn_id is not",
    ),
    "unsigned": ("instructed('unsigned.yaml')", "instruction-unsigned at "),
    "edited": ("instructed('edited.yaml')", "instruction-changed at "),
    "forged": ("instructed('forged.yaml')", "signature-invalid at "),
    "stranger": ("instructed('stranger.yaml')", "signer-not-trusted at "),
    "unknown": ("instructed('unknown.yaml')", "controller-unknown at "),
    "invalid": ("instructed('invalid.yaml')", "instruction-invalid at "),
}
# These do not get as far as the policy: constructing the task is refused.
WRONG_AT_ONCE = {
    "sql": (
        "ExtractOperator(task_id='extract', sql='SELECT * FROM patients')",
        "dag-hand-written-sql at ExtractOperator extract: it was given sql;",
    ),
    "where": (
        "ControlledMigration(**WHOLE, where='1 = 1')",
        "dag-hand-written-sql at ControlledMigration: it was given where;",
    ),
    "expand": (
        "ExtractOperator.partial(task_id='extract').expand(source_conn_id=['a', 'b'])",
        "dag-step-mapped at ExtractOperator extract: it is mapped;",
    ),
}
BYSTANDER = """
from airflow.sdk import DAG, task

with DAG("bystander", schedule=None):
    @task
    def nothing(): ...
    nothing()
"""


def dag_file(name: str, body: str) -> str:
    return HEAD.replace("@ID", name) + textwrap.indent(body, "    ") + "\n"


def instruct(include: Path, keys: Path) -> None:
    """Instructions in every state that a DAG may find them in."""
    public = {
        name: str(signing.new_key("recipient" if name == "target" else "signing", keys / name))
        for name in ("processor", "target", "target_receipt")
    }
    parties, controller = Parties(**public), Controller(include, keys / "controller")

    def valid(start: str, until: str) -> Callable[[dict[str, Any]], None]:
        return lambda fields: fields["valid"].update({"from": start, "until": until})

    def unknown(fields: dict[str, Any]) -> None:
        fields["controller"]["name"] = "nobody"

    controller.instruct(parties)
    early, past = "2020-01-01T00:00:00+01:00", "2021-01-01T00:00:00+01:00"
    controller.instruct(parties, "expired.yaml", valid(early, past))
    controller.instruct(
        parties, "later.yaml", valid("2125-01-01T00:00:00+01:00", "2126-01-01T00:00:00+01:00")
    )
    controller.instruct(parties, "unknown.yaml", unknown)
    controller.instruct(parties, "invalid.yaml", lambda fields: fields.update(surprise="x"))
    envelope_path(controller.instruct(parties, "unsigned.yaml")).unlink()
    edited = controller.instruct(parties, "edited.yaml")
    edited.write_text(edited.read_text() + "# a remark\n")
    forge(envelope_path(controller.instruct(parties, "forged.yaml")))
    own = Controller(keys / "include", keys / "stranger").instruct(parties, "stranger.yaml")
    for path in (own, envelope_path(own)):
        shutil.copyfile(path, include / "instructions" / path.name)


def forge(path: Path) -> None:
    envelope = json.loads(path.read_text())
    signature = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    signature[0] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    path.write_bytes(canonical.dumps(envelope))


@pytest.fixture(scope="module")
def home(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment's folder, as the project's own is laid out, with DAGs right and wrong."""
    home = tmp_path_factory.mktemp("deployment")
    shutil.copytree(repository / "config", home / "config")
    keys = tmp_path_factory.mktemp("keys")
    instruct(home / "include", keys)
    for name in ("dags", "plugins", "light"):
        (home / name).mkdir()
    bodies = RIGHT | {name: body for name, (body, _) in (WRONG | WRONG_AT_ONCE).items()}
    for name, body in bodies.items():
        (home / "dags" / f"{name}.py").write_text(dag_file(name, body))
    for path in (repository / "dags").glob("*.py"):
        shutil.copyfile(path, home / "dags" / path.name)
    (home / "light" / "whole.py").write_text(dag_file("whole", RIGHT["whole"]))
    (home / "light" / "alone.py").write_text(dag_file("alone", WRONG["alone"][0]))
    return home


def environment(home: Path, repository: Path) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "REMIT_"))}
    return kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repository / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": str(repository / "plugins"),
        "NO_COLOR": "1",
    }


def parse(folder: Path, settings: Mapping[str, str], before: str = "") -> dict[str, Any]:
    """What Airflow's bag makes of a folder, in a process of its own."""
    command = [sys.executable, "-c", before + PARSE, str(folder)]
    done = subprocess.run(command, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def bag(home: Path, repository: Path) -> dict[str, Any]:
    return parse(home / "dags", environment(home, repository))


@pytest.mark.parametrize("name", WRONG)
def test_a_dag_that_breaks_a_rule_is_an_import_error(name: str, bag: dict[str, Any]) -> None:
    error = bag["errors"][name]
    assert error.startswith(f"AirflowClusterPolicyViolation: {WRONG[name][1]}")
    assert " Way out: " in error
    assert name not in bag["dags"]


@pytest.mark.parametrize("name", WRONG_AT_ONCE)
def test_a_task_that_breaks_a_rule_is_an_import_error(name: str, bag: dict[str, Any]) -> None:
    *trace, told = bag["errors"][name].splitlines()
    assert told.startswith(f"remit.errors.Refused: {WRONG_AT_ONCE[name][1]}")
    assert " Way out: " in told
    assert WRONG_AT_ONCE[name][0] in "".join(trace), "the author's own line is shown"
    assert name not in bag["dags"]


def test_an_instruction_that_does_not_verify_is_told_with_the_task_that_asked_for_it(
    bag: dict[str, Any],
) -> None:
    asked = {"unsigned", "edited", "forged", "stranger", "unknown", "invalid"}
    for name in asked:
        assert bag["errors"][name].endswith(f" Asked for by {name}/migration.plan.")


def test_dags_that_keep_the_rules_are_taken_in_with_the_shipped_ones(bag: dict[str, Any]) -> None:
    assert set(bag["dags"]) == {*RIGHT, "durand_migration", *INDEPENDENT}
    assert set(bag["errors"]) == {*WRONG, *WRONG_AT_ONCE}


def test_a_fresh_checkout_says_that_its_migration_has_no_instruction(
    home: Path, repository: Path, tmp_path: Path
) -> None:
    nothing = {"REMIT_INCLUDE": str(tmp_path / "include")}
    bag = parse(repository / "dags", environment(home, repository) | nothing)
    assert bag["dags"] == INDEPENDENT
    path = tmp_path / "include" / "instructions" / "durand.yaml"
    assert (
        f"dag-instruction-missing at durand_migration/migration.plan: there is no file {path}."
        in (bag["errors"]["durand_migration"])
    )


# --- how it gets into Airflow -------------------------------------------------------------------


@pytest.fixture
def bare(home: Path, tmp_path: Path) -> Path:
    """A deployment without the config folder."""
    shutil.copytree(home / "include", tmp_path / "bare" / "include")
    return tmp_path / "bare"


def test_without_it_airflow_takes_a_lone_extract(home: Path, bare: Path, repository: Path) -> None:
    assert parse(home / "light", environment(bare, repository))["dags"] == ["alone", "whole"]


def test_an_installed_package_brings_it_by_its_entry_point(
    home: Path, bare: Path, repository: Path, tmp_path: Path
) -> None:
    info = tmp_path / "site" / "remit-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: remit\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[airflow.policy]\nremit = remit.operators.policy\n")
    settings = environment(bare, repository)
    settings["PYTHONPATH"] = os.pathsep.join([str(info.parent), settings["PYTHONPATH"]])
    bag = parse(home / "light", settings)
    assert bag["dags"] == ["whole"]
    assert "dag-shape-incomplete at alone" in bag["errors"]["alone"]


@pytest.mark.parametrize(
    "first", ["remit.operators", "remit.operators.policy", "remit.operators.plan", "airflow.sdk"]
)
def test_it_is_loaded_whatever_is_imported_first(first: str, home: Path, repository: Path) -> None:
    bag = parse(home / "light", environment(home, repository), before=f"import {first}\n")
    assert bag["dags"] == ["whole"]


def test_the_dag_processor_and_the_command_line_tell_the_same(
    home: Path, repository: Path, tmp_path: Path
) -> None:
    settings = environment(home, repository) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "light"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, *command]
        return subprocess.run(line, env=settings, capture_output=True, text=True, timeout=120)

    assert run("-c", "from airflow.utils.db import initdb; initdb()").returncode == 0
    assert run("-m", "airflow", "dag-processor", "--num-runs", "1").returncode == 0
    listed = run("-m", "airflow", "dags", "list-import-errors", "-o", "json")
    [error] = json.loads(listed.stdout.splitlines()[-1])
    assert error["filepath"] == "alone.py"
    assert error["error"].startswith(
        "AirflowClusterPolicyViolation: dag-shape-incomplete at alone: "
    )


# --- what it costs, and where it looks ----------------------------------------------------------


def test_parsing_a_migration_under_it_imports_nothing_heavy(home: Path, repository: Path) -> None:
    assert parse(home / "light", environment(home, repository))["modules"] == POLICY


def test_dags_without_remit_cost_nothing(home: Path, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "bystander.py").write_text(BYSTANDER)
    bag = parse(tmp_path, environment(home, repository))
    assert (bag["dags"], bag["modules"]) == (["bystander"], [])


def test_in_a_worker_the_shape_is_checked_and_the_instruction_left_to_the_step(
    home: Path, repository: Path
) -> None:
    for_a_task = """
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
entered = _airflow_parsing_context_manager(dag_id="unsigned", task_id="migration.plan")
entered.__enter__()
"""
    bag = parse(home / "dags", environment(home, repository), before=for_a_task)
    left_to_the_step = {"absent", "unsigned", "edited", "forged", "stranger", "unknown", "invalid"}
    assert {*WRONG, *WRONG_AT_ONCE} - set(bag["errors"]) == left_to_the_step
    assert left_to_the_step <= set(bag["dags"])


def test_what_cannot_be_checked_is_refused_and_its_text_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.exceptions import AirflowClusterPolicyViolation
    from airflow.sdk import DAG

    from remit.operators import SealOperator
    from remit.operators.policy import dag_policy

    def fail(dag: Any) -> None:
        raise ValueError("Hélène Planted 2840699123456")

    monkeypatch.setattr("remit.operators.policy.rules.check", fail)
    with DAG("broken", schedule=None) as dag:
        SealOperator(task_id="seal")
    with pytest.raises(AirflowClusterPolicyViolation) as caught:
        dag_policy(dag)
    assert str(caught.value).startswith("broken: Unexpected ValueError at ")
    assert "Planted" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_every_rule_is_explained_with_its_way_out(repository: Path) -> None:
    page = (repository / "docs" / "dag-rules.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if "| `dag-" in line]
    explained = [code.strip("`") for code, _, _ in rows]
    provoked = {told.split()[0] for _, told in (WRONG | WRONG_AT_ONCE).values()}
    assert len(explained) == len(set(explained))
    assert set(explained) == {code for code in provoked if code.startswith("dag-")}
    assert all(cell.endswith(".") for _, *cells in rows for cell in cells)
