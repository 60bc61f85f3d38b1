"""The synthetic laboratory: valid identifiers, boundaries, determinism, and what is planted."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from remit.errors import UsageError
from remit.testing.canaries import find_planted
from remit.testing.laboratory import BOUNDARIES, TABLES, Laboratory

pytestmark = pytest.mark.slow

SMALL = Laboratory(patients=200, results_per_patient=10)
DECLARED = {
    "uuid": "UUID",
    "text": "TEXT",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "numeric(12,4)": "DECIMAL(12,4)",
}
SECRET = {
    "prescribers": ("rpps", "phone"),
    "patients": (
        *("patient_id", "nir", "address", "phone", "email", "portal_login", "portal_password"),
        "notes",
    ),
    "results": ("result_id", "comment"),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("laboratory") / "lis.sqlite"
    SMALL.write_sqlite(made)
    return made


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def column(table: str, name: str) -> list[Any]:
    place = TABLES[table].names.index(name)
    return [row[place] for row in SMALL.rows(table)]


def luhn_holds(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(int(character) for character in reversed(digits)):
        total += digit if place % 2 == 0 else sum(divmod(2 * digit, 10))
    return total % 10 == 0


def nir_holds(nir: str) -> bool:
    """By the official rule: the letter counts as 0, then 1 or 2 million are taken off."""
    body, key = nir[:13], int(nir[13:])
    off = 1_000_000 * ("A" in body) + 2_000_000 * ("B" in body)
    return (int(re.sub("[AB]", "0", body)) - off + key) % 97 == 0 and 1 <= key <= 97


def test_the_rule_for_the_key_accepts_the_published_example_and_no_other_key() -> None:
    assert nir_holds("255081416802538")
    assert not nir_holds("255081416802539")


def test_every_nir_is_valid_unique_and_agrees_with_the_patient() -> None:
    nirs = column("patients", "nir")
    births, sexes = column("patients", "birth_date"), column("patients", "sex")
    assert len(set(nirs)) == len(nirs) == 200
    for nir, birth, sex in zip(nirs, births, sexes, strict=True):
        assert re.fullmatch(r"[12]\d{4}(\d\d|2A|2B)\d{8}", nir)
        assert nir_holds(nir)
        assert nir[0] == {"M": "1", "F": "2"}[sex]
        assert nir[1:5] == f"{birth:%y%m}"


def test_both_parts_of_corsica_are_there_and_only_since_1976() -> None:
    large = Laboratory(patients=1000, results_per_patient=1)
    born: dict[str, list[int]] = {"20": [], "2A": [], "2B": []}
    for row in large.rows("patients"):
        if row[1][5:7] in born:
            assert nir_holds(row[1])
            born[row[1][5:7]].append(row[4].year)
    assert all(born.values())
    assert max(born["20"]) < 1976 <= min(born["2A"] + born["2B"])


def test_loinc_codes_carry_the_right_check_digit() -> None:
    codes = set(column("results", "loinc_code"))
    assert {"75622-1", "2118-8"} <= codes
    assert len(codes) >= 25
    for code in codes:
        assert re.fullmatch(r"\d{3,5}-\d", code)
        assert luhn_holds(code.replace("-", ""))


def test_rpps_numbers_keep_their_leading_zeros() -> None:
    numbers = column("prescribers", "rpps")
    assert all(re.fullmatch(r"\d{11}", number) and luhn_holds(number) for number in numbers)
    assert any(number.startswith("0") for number in numbers)
    assert any(code.startswith("0") for code in column("patients", "postal_code"))


def test_the_same_arguments_give_the_same_rows_in_another_process() -> None:
    program = (
        "import hashlib; from remit.testing.laboratory import Laboratory as L; x = L(7, 20, 5);"
        "print(hashlib.sha256(repr([list(x.rows(t)) for t in x.tables()]).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(seen) == 1


def test_rows_can_be_asked_for_again_and_another_seed_gives_others() -> None:
    other = Laboratory(seed=1, patients=200, results_per_patient=10)
    for table in ("prescribers", "patients", "samples", "results", "observation_history"):
        assert list(SMALL.rows(table)) == list(SMALL.rows(table))
        assert list(SMALL.rows(table)) != list(other.rows(table))


def test_a_larger_laboratory_starts_with_the_same_patients() -> None:
    larger = Laboratory(patients=300, results_per_patient=10).rows("patients")
    assert [next(larger) for _ in range(200)] == list(SMALL.rows("patients"))


def test_rows_are_made_one_by_one() -> None:
    endless = Laboratory(patients=10**12)
    for table in endless.tables():
        assert next(iter(endless.rows(table)))
    assert next(endless.planted())


def test_sizes_are_as_asked_for() -> None:
    assert len(list(SMALL.rows("sites"))) == 6
    assert len(list(SMALL.rows("patients"))) == 200
    assert len(list(SMALL.rows("results"))) == pytest.approx(2000, rel=0.1)
    assert len(list(Laboratory(patients=1, results_per_patient=1).rows("patients"))) == 1


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"results_per_patient": 0}])
def test_an_empty_laboratory_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Laboratory(**wrong)


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(UsageError, match="observation_history"):
        SMALL.rows("invoices")


def test_boundaries_lie_on_both_sides_of_both_midnights() -> None:
    for year in (2024, 2025):
        midnight = datetime(year - 1, 12, 31, 23, tzinfo=UTC)
        near = [moment for moment in BOUNDARIES if abs(moment - midnight) < timedelta(hours=1)]
        sides = {(moment > midnight) - (moment < midnight) for moment in near}
        assert sides == {-1, 0, 1}
        assert f"{year}-01-01T00:00:00+01:00" in {moment.isoformat() for moment in BOUNDARIES}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("patients", "registered_at"),
        ("samples", "collected_at"),
        ("results", "validated_at"),
        ("observation_history", "observed_at"),
    ],
)
def test_every_boundary_is_in_the_database_as_it_was_written(
    database: sqlite3.Connection, table: str, name: str
) -> None:
    texts = {row[0] for row in database.execute(f"SELECT {name} FROM {table}")}
    assert {moment.isoformat() for moment in BOUNDARIES} <= texts


def test_comparing_timestamps_as_text_would_go_wrong(database: sqlite3.Connection) -> None:
    texts = [row[0] for row in database.execute("SELECT collected_at FROM samples ORDER BY 1")]
    assert {text[-6:] for text in texts} == {"+01:00", "+02:00"}
    moments = [datetime.fromisoformat(text) for text in texts]
    assert any(later < earlier for earlier, later in pairwise(moments))
    start = "2024-01-01T00:00:00+01:00"
    as_text = sum(text >= start for text in texts)
    assert as_text != sum(moment >= datetime.fromisoformat(start) for moment in moments)


def test_one_timestamp_in_seven_has_the_offset_of_the_other_season() -> None:
    drawn = column("samples", "collected_at")
    moments = [moment for moment in drawn if moment.month in (2, 7) and moment not in BOUNDARIES]
    proper = {2: timedelta(hours=1), 7: timedelta(hours=2)}
    wrong = [moment for moment in moments if moment.utcoffset() != proper[moment.month]]
    assert len(wrong) / len(moments) == pytest.approx(1 / 7, abs=0.08)


def test_dates_span_the_five_years() -> None:
    place = TABLES["results"].names.index("result_date")
    days = [row[place] for row in Laboratory(patients=300).rows("results")]
    assert date(2021, 1, 1) <= min(days) < date(2021, 2, 1)
    assert date(2025, 12, 1) < max(days) <= date(2025, 12, 31)


def test_a_result_is_dated_by_the_paris_clock() -> None:
    validated, dated = column("results", "validated_at"), column("results", "result_date")
    days = dict(zip(validated, dated, strict=True))
    for year in (2024, 2025):
        midnight = datetime(year - 1, 12, 31, 23, tzinfo=UTC)
        for moment in BOUNDARIES:
            if abs(moment - midnight) < timedelta(hours=1):
                before = moment < midnight
                assert days[moment] == (date(year - 1, 12, 31) if before else date(year, 1, 1))


def test_sqlite_declares_the_agreed_types_and_indexes(database: sqlite3.Connection) -> None:
    for table in TABLES.values():
        found = list(database.execute(f"PRAGMA table_info({table.name})"))
        assert [(row[1], row[2]) for row in found] == [
            (column.name, DECLARED[column.type]) for column in table.columns
        ]
        assert [bool(row[5]) for row in found] == [column.key for column in table.columns]
    indexed = {
        (table, database.execute(f"PRAGMA index_info({name})").fetchone()[2])
        for name, table in database.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
    }
    assert indexed == {("results", "result_date"), ("samples", "collected_at")}


def test_sqlite_stores_each_type_in_its_agreed_form(database: sqlite3.Connection) -> None:
    forms = {
        "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "boolean": "[01]",
        "date": r"\d{4}-\d\d-\d\d",
        "timestamptz": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+0[12]:00",
        "numeric(12,4)": r"\d+(\.\d{1,4})?",
    }
    for table in TABLES.values():
        for column in table.columns:
            if column.type in forms:
                query = f"SELECT DISTINCT {column.name} FROM {table.name}"
                values = [row[0] for row in database.execute(query) if row[0] is not None]
                assert values
                assert all(re.fullmatch(forms[column.type], str(value)) for value in values)
    kinds = database.execute("SELECT DISTINCT typeof(value_numeric) FROM results").fetchall()
    assert {kind for (kind,) in kinds} == {"integer", "real", "null"}


def test_null_is_everywhere_it_may_be_and_nowhere_else(database: sqlite3.Connection) -> None:
    for table in TABLES.values():
        for column in table.columns:
            query = f"SELECT count(*), count({column.name}) FROM {table.name}"
            rows, filled = database.execute(query).fetchone()
            assert filled > 0
            assert (filled < rows) is column.nullable


def test_references_lead_somewhere(database: sqlite3.Connection) -> None:
    for child, name, parent in (
        ("samples", "patient_id", "patients"),
        ("samples", "prescriber_id", "prescribers"),
        ("samples", "site_code", "sites"),
        ("results", "sample_id", "samples"),
        ("observation_history", "patient_id", "patients"),
    ):
        query = f"SELECT count(*) FROM {child} WHERE {name} NOT IN (SELECT {name} FROM {parent})"
        assert database.execute(query).fetchone() == (0,)
    query = """SELECT count(*) FROM results AS r JOIN samples AS s USING (sample_id)
        WHERE r.patient_id <> s.patient_id OR r.site_code <> s.site_code"""
    assert database.execute(query).fetchone() == (0,)


def test_abnormal_agrees_with_the_reference_interval(database: sqlite3.Connection) -> None:
    query = """SELECT count(*) FROM results WHERE value_numeric IS NOT NULL
        AND abnormal <> (value_numeric NOT BETWEEN reference_low AND reference_high)"""
    assert database.execute(query).fetchone() == (0,)
    query = "SELECT count(DISTINCT abnormal) FROM results WHERE loinc_code = '2118-8'"
    assert database.execute(query).fetchone() == (2,)


def test_names_have_accents_hyphens_and_apostrophes(database: sqlite3.Connection) -> None:
    query = "SELECT group_concat(first_name || ' ' || last_name) FROM patients"
    (names,) = database.execute(query).fetchone()
    assert {"é", "ï", "ç", "-", "'"} <= set(names)
    sites = dict(database.execute("SELECT site_code, name || city FROM sites"))
    assert set(sites) == {"LYO1", "LYO2", "PAR1", "BRE1", "LIL1", "MAR1"}
    assert any("é" in name for name in sites.values())


def test_comments_tell_what_they_must_not(database: sqlite3.Connection) -> None:
    query = """SELECT comment, first_name || ' ' || last_name
        FROM results JOIN patients USING (patient_id)"""
    rows = database.execute(query).fetchall()
    comments = [(comment, name) for comment, name in rows if comment]
    assert len(comments) / len(rows) == pytest.approx(0.3, abs=0.05)
    for word in ("VIH", "grossesse", "antirétroviral", '"', "\n", "\t", ";"):
        assert any(word in comment for comment, _ in comments)
    assert any(name in comment for comment, name in comments)


def test_history_has_harmless_and_sensitive_codes() -> None:
    codes = set(column("observation_history", "code"))
    harmless = {"bloodGroup", "smoker", "fasting", "weightKg", "allergies"}
    assert codes == harmless | {"hivStatus", "arvTreatment", "priorDiseases"}


def test_everything_planted_is_in_the_database(database: sqlite3.Connection) -> None:
    cells: list[str] = []
    for table in ("patients", "prescribers"):
        query = f"SELECT first_name || ' ' || last_name FROM {table}"
        cells.extend(name for (name,) in database.execute(query))
    for table in TABLES:
        for row in database.execute(f"SELECT * FROM {table}"):
            cells.extend(cell for cell in row if isinstance(cell, str))
    everything = set(cells)
    whole = "\x1f".join(cells)
    missing = [text for text in SMALL.planted() if text not in everything and text not in whole]
    assert not missing


def test_every_secret_of_the_database_is_planted() -> None:
    planted = set(SMALL.planted())
    for table, names in SECRET.items():
        for name in names:
            assert {str(value) for value in column(table, name) if value is not None} <= planted
    people = zip(column("patients", "first_name"), column("patients", "last_name"), strict=True)
    assert {f"{first} {last}" for first, last in people} <= planted
    history = zip(
        column("observation_history", "code"), column("observation_history", "value"), strict=True
    )
    for code, value in history:
        if code in ("arvTreatment", "priorDiseases") or (code, value[:4]) == ("hivStatus", "posi"):
            assert value in planted


def test_planted_strings_are_long_and_free_texts_differ() -> None:
    planted = list(SMALL.planted())
    assert min(map(len, planted)) >= 8
    tokens = [text for text in planted if re.fullmatch("ZQ[A-Z2-7]{8}", text)]
    comments = [comment for comment in column("results", "comment") if comment]
    assert len(tokens) == len(set(tokens)) > len(comments)
    assert all(any(part in tokens for part in re.findall(r"ZQ\w{8}", text)) for text in comments)


def test_what_may_get_out_holds_nothing_planted(
    database: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    harmless = tmp_path / "released.csv"
    rows = database.execute(
        """SELECT r.*, s.* FROM (SELECT sample_id, site_code, loinc_code, value_numeric, value_text,
        unit, reference_low, reference_high, abnormal, result_date, validated_at FROM results) AS r
        JOIN (SELECT sample_id, collected_at, received_at, tube, urgent FROM samples) AS s
        USING (sample_id)"""
    )
    harmless.write_text("\n".join(";".join(map(str, row)) for row in rows), encoding="utf-8")
    assert find_planted([harmless], SMALL.planted()) == []
    assert find_planted([path], SMALL.planted()) != []


def test_an_existing_file_is_never_written_over(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(UsageError):
        SMALL.write_sqlite(path)
    assert path.read_bytes() == before


def test_a_write_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(_: str) -> Iterator[tuple[str, ...]]:
        raise KeyboardInterrupt

    laboratory = Laboratory(patients=1)
    monkeypatch.setattr(laboratory, "rows", rows)
    with pytest.raises(KeyboardInterrupt):
        laboratory.write_sqlite(tmp_path / "lis.sqlite")
    assert list(tmp_path.iterdir()) == []
