"""SAN-2022-009 of 15 April 2022, fact by fact (docs/precedents.md): each is tried, and refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from remit.custody import execute_due
from remit.errors import Refused
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.sftp import SftpServer
from remit.testing.world import World

from .conftest import Processor, arrived, sent, sql

Fields = dict[str, Any]


# --- F1: more than instructed -------------------------------------------------------------------


def test_f1_the_range_and_the_fields_that_were_ordered_and_no_others(
    world: World, processor: Processor
) -> None:
    code, said = processor.run()
    assert code == 0
    world.target.ingest(world.landing_path / said["run"], world.settings.trust())

    columns = {row[1] for row in arrived(world, "PRAGMA table_info(results)")}
    assert columns == {
        *"result_id patient_id site_code loinc_code value_numeric value_text unit".split(),
        *"reference_low reference_high abnormal result_date validated_at".split(),
    }
    [(first, last)] = arrived(world, "SELECT min(result_date), max(result_date) FROM results")
    assert "2024-01-01" <= first <= last < "2025-01-01"
    assert {row[0] for row in arrived(world, "SELECT DISTINCT site_code FROM results")} == {
        "LYO1",
        "LYO2",
    }
    assert find_planted([world.landing_path], world.laboratory.planted()) == []


def test_f1_nor_can_an_engineer_add_a_column_or_a_query_of_his_own(
    world: World, processor: Processor
) -> None:
    path = world.instruct()
    signed = path.read_text("utf-8")
    path.write_text(signed.replace("to: '2025-01-01'", "to: '2027-01-01'"), "utf-8")
    assert path.read_text("utf-8") != signed

    answer = processor("run", path, "--source", world.source_url, "--landing", world.landing_path)

    assert processor.refused(answer) == "instruction-changed"


# --- F2: the old software can only export everything --------------------------------------------


def test_f2_a_dump_of_everything_is_filtered_before_anything_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "dumped"
    root.mkdir(mode=0o700)
    form = Laboratory(patients=30).write_dump(root / "dump", "csv")
    world = World(root, 30, str(root / "dump"))
    planted = set(world.laboratory.planted())
    assert find_planted([root / "dump"], planted), "the dump holds what must not leave"
    run = world.open_run(edit=lambda fields: fields.update(dump=form))

    world.deliver(run)

    assert find_planted([world.root / "processor", world.landing_path], planted) == []


# --- F3: free comments ---------------------------------------------------------------------------


def comment(**more: Any) -> Any:
    column = {"name": "comment", "type": "string", "category": "health", "purpose": "Reading it"}
    return lambda fields: fields["tables"][0]["columns"].append(column | more)


def test_f3_a_free_comment_is_not_exported_along(world: World, processor: Processor) -> None:
    """By an instruction that does not say why a text is needed, nor what is looked for in it."""
    assert processor.refused(processor.run(comment())) == "column-free-text"


def test_f3_what_is_allowed_by_name_is_looked_through(world: World, processor: Processor) -> None:
    sql(world, "UPDATE results SET comment = 'HIV positif, tel. 01 99 00 12 34'")
    why = "Without it a haemolysed sample cannot be told from a sound one"
    stop = {"treatment": "stop", "kinds": ["nir", "email", "phone", "iban"]}

    answer = processor.run(comment(free_text=why, identifiers=stop))

    assert processor.refused(answer) == "free-text-identifies"


# --- F4: names, NIR, logins and passwords ---------------------------------------------------------


def patients(*names: str) -> Any:
    """That these columns of the patients leave too."""

    def edit(fields: Fields) -> None:
        columns = [
            {"name": n, "type": "string", "category": "identity", "purpose": "Finding the patient"}
            for n in names
        ]
        key = {"name": "patient_id", "type": "uuid", "category": "administrative", "purpose": "Id"}
        fields["recipients"][0]["categories"].append("identity")
        fields["tables"].append(
            {
                "name": "patients",
                "rows": {"all": "The patients of both sites, who move together", "maximum": 1000},
                "columns": [key, *columns],
            }
        )

    return edit


def test_f4_a_portal_login_and_password_never_leave_whoever_asks(
    world: World, processor: Processor
) -> None:
    """The controller itself signed that they should."""
    answer = processor.run(patients("portal_login", "portal_password"))

    assert processor.refused(answer) == "column-credential"


def test_f4_what_nobody_instructed_is_withheld_by_name(world: World, processor: Processor) -> None:
    code, said = processor("plan", world.instruct(), "--source", world.source_url)

    assert code == 0
    [results] = [table for table in said["tables"] if table["name"] == "results"]
    assert "comment" in results["withheld"]
    assert [table["name"] for table in said["tables"]] == ["results", "observation_history"]


# --- F5: half a million at once -------------------------------------------------------------------


def test_f5_more_rows_than_were_ever_meant(world: World, processor: Processor) -> None:
    def ceiling(fields: Fields) -> None:
        fields["tables"][0]["rows"]["maximum"] = 10

    assert processor.refused(processor.run(ceiling)) == "rows-over-maximum"


# --- F6: in clear, and kept for ever --------------------------------------------------------------


def test_f6_nothing_is_in_clear_and_the_processor_itself_cannot_read_it(
    world: World, processor: Processor
) -> None:
    code, said = processor.run()
    assert code == 0
    files = list((world.landing_path / said["run"]).glob("*.parquet"))
    assert len(files) == 2
    for file in files:
        with pytest.raises(OSError, match=r"(?i)encrypt|magic"):
            pq.read_table(file)


def test_f6_what_nobody_confirms_is_gone_at_its_maximum_age(world: World) -> None:
    run = world.open_run()
    world.deliver(run)
    assert sent(world)
    world.clock.advance(days=8)

    [done] = execute_due(world.deployment(), "test", world.landing)

    assert done.run == run.id
    assert sent(world) == []
    assert run.story.has("deleted")


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
