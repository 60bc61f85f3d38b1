"""SAN-2022-009 of 15 April 2022, F1 to F6 (docs/precedents.md): what left, and how; each is tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from remit.custody import Run, execute_due
from remit.errors import Refused
from remit.ports import TableQuery
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.world import World

from .conftest import Processor, arrived, noticed, sent, sql

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
    planned = results_of(Run(said["run"], world.deployment(), "test"))
    assert 0 < planned["rows_in_scope"] < planned["rows_total"], "how much stays is on record"
    assert "comment" in planned["withheld"]
    assert noticed(world) == []


def results_of(run: Run) -> Fields:
    """What the evidence says of the table `results` in a run's plan."""
    [found] = [t for t in run.story.last("planned")["plan"]["tables"] if t["name"] == "results"]
    return dict(found)


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
    assert results_of(run)["rows_in_scope"] < results_of(run)["rows_total"]
    assert noticed(world) == []


class Obsolete:
    """The laboratory's old software: whatever it is asked for, it gives the rows of every year."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.label, self.describe, self.sql = source.label, source.describe, source.sql

    @contextmanager
    def snapshot(self) -> Iterator[Obsolete]:
        with self._source.snapshot() as snapshot:
            self.count, self.totals, self.divide = snapshot.count, snapshot.totals, snapshot.divide
            self._all = snapshot.stream
            yield self

    def stream(self, query: TableQuery) -> Iterator[Any]:
        yield from self._all(replace(query, window=None))


def test_f2_a_source_that_does_not_filter_is_stopped(world: World) -> None:
    """That the old software cannot do better is no excuse."""
    run = world.open_run()
    world.steps(run)["plan"]()

    with pytest.raises(Refused) as caught:
        run.extract(Obsolete(world.source()), lambda _table, _rows: None)

    assert caught.value.code == "row-outside-remit"
    assert run.story.has("deleted"), "what it gave until then is gone"
    [alert] = noticed(world)
    assert (alert.kind, alert.severity, alert.run) == ("refusal", "high", run.id)


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


def test_f4_passwords_in_a_column_with_a_harmless_name_stop_the_run(
    world: World, processor: Processor
) -> None:
    hashed = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
    sql(world, f"UPDATE results SET value_text = '{hashed}'")

    answer = processor.run()

    assert processor.refused(answer) == "column-credential"
    assert hashed not in str([r.data for r in world.deployment().log.records()])


def test_f4_a_social_security_number_in_a_text_leaves_for_nobody(
    world: World, processor: Processor
) -> None:
    """The controller needs the comments; what identifies in them is taken out of each."""
    nir, mail, phone = "2 69 05 49 588 157 80", "j.dupont@exemple.fr", "01 99 00 12 34"
    sql(world, f"UPDATE results SET comment = 'Hémolysé, {nir}, {mail}, tel. {phone}'")
    why = "Without it a haemolysed sample cannot be told from a sound one"
    redact = {"treatment": "redact", "kinds": ["nir", "email", "phone", "iban"]}

    code, said = processor.run(comment(free_text=why, identifiers=redact))

    assert code == 0, said
    world.target.ingest(world.landing_path / said["run"], world.settings.trust())
    texts = {text for (text,) in arrived(world, "SELECT comment FROM results")}
    assert all(text.startswith("Hémolysé") for text in texts)
    assert not any(one in text for text in texts for one in (nir, mail, phone))
    files = Run(said["run"], world.deployment(), "test").story.last("extracted")["files"]
    [found] = next(f["free_text"] for f in files if f["table"] == "results")
    assert (found["column"], found["texts"]) == ("comment", found["identifying"])


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
    world.clock.advance(days=4)
    assert [alert.kind for alert in noticed(world)] == ["receipt-missing"]
    world.clock.advance(days=3, hours=2)
    assert [alert.kind for alert in noticed(world)] == ["deletion-overdue"]

    [done] = execute_due(world.deployment(), "test", world.landing)

    assert done.run == run.id
    assert sent(world) == []
    assert run.story.has("deleted")
    assert "certificate" in run.story.last("deleted")
