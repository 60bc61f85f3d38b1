"""Extracting and judging write ciphertext, evidence and keys, and nothing else anywhere, ever.

Each step is a process of its own whose every write strace tells. The values of the rows it handles
are planted, so that one that was written is found, though its file has no name or is gone.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from remit.custody import Run
from remit.testing import planted
from remit.testing.canaries import find_planted
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World
from remit.testing.writes import Traced, trace

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("nothing_on_disk_driver.py")
RUN = "canaries-traced"
ROWS = 120_000
EACH = 10  # of so many rows one is looked for in binary, and all of them as text
ALLOWED = {
    "ROOT/processor/staging(/canaries-traced)?": "the folders of what is staged",
    r"ROOT/processor/staging/canaries-traced/(\.canaries[-\w.]*\.partial|canaries[-\w]*\.parquet)":
        "ciphertext, under its hidden name until it is whole",
    r"ROOT/processor/staging/\.remit(/store|/\.store\.\w+\.partial)?": "which store this is",
    r"ROOT/processor/evidence\.sqlite(-journal)?": "the evidence: names, counts and digests",
    r"ROOT/processor/evidence\.sqlite\.locks(/[-\w]+\.lock)?": "who holds the run; empty",
    r"ROOT/processor/(\.?witness\.dsse\.json(\.\w+)?)": "the newest checkpoint of the evidence",
    r"ROOT/processor/keyring(/canaries-traced\.(partial|key))?": "the staging key, encrypted",
    r"ROOT/processor/keyring/\.remit(/store|/\.store\.\w+\.partial)?": "which keyring this is",
    r"ROOT/processor/keys/(keyring\.secret|\.keyring\.secret\.\w+)": "the secret of the keyring",
    r"/proc/\d+/task/\d+/comm": "a thread's name, which the kernel keeps",
    r"/dev/shm/sem\.[-\w]+": "32 bytes of a lock that libraries share with processes of theirs",
    r"SOURCE-(wal|shm)": "SQLite's own, where the source is in its WAL mode; empty, and an index",
    r"/dev/null": "what is thrown away",
    r"pipe:\[\d+\]": "what the step says",
}  # fmt: skip
# What the driver does wrong, and whether the values that it writes can be seen in passing.
NOTICED = {
    r"/TMPDIR/#\d+$": True,  # a file without a name
    "/wrong/removed-": True,
    "/wrong/vectors$": True,
    "/wrong/after$": False,
    "/wrong/link$": False,
    "/wrong/mapped$": False,
    r"^\(memfd_create\)$": False,
    r"^\(sendfile\)$": False,
    "/wrong/sent$": False,
    "/wrong/of-a-child$": True,
    "/wrong/spilled/.*tmp$": True,
}
FRESH = ("cwd", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
NONE_MISSING = "expect_column_values_to_not_be_null"
UNIQUE = "expect_column_values_to_be_unique"
MATCH = "expect_column_values_to_match_regex"
PASSING = [
    *({"id": f"there-{c}", "type": NONE_MISSING, "kwargs": {"column": c}} for c in planted.COLUMNS),
    *(
        {"id": f"unique-{c}", "type": UNIQUE, "kwargs": {"column": c}}
        for c in planted.COLUMNS
        if c not in ("day", "flag")
    ),
    {
        "id": "unique-together",
        "type": "expect_compound_columns_to_be_unique",
        "kwargs": {"column_list": ["label", "remarks"]},
    },
]
FAILING = [
    {"id": "repeated", "type": UNIQUE, "kwargs": {"column": "day"}},
    {"id": "of-another-form", "type": MATCH, "kwargs": {"column": "label", "regex": "^86753094"}},
]
RAISING = [
    # More repetitions than the engine takes, whose query fails; a text has no such bounds.
    {"id": "no-pattern", "type": MATCH, "kwargs": {"column": "label", "regex": "^C.{1001}"}},
    {
        "id": "no-number",
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "label", "max_value": 8},
    },
]


# What would spill, if there were a place for it: all values of a column that has no two the same.
DEMANDING = [
    {
        "id": "distinct",
        "type": "expect_column_distinct_values_to_be_in_set",
        "kwargs": {"column": "remarks", "value_set": ["none of them"]},
    }
]


class Bench:
    """A world whose steps are traced."""

    def __init__(self, root: Path, source_url: str = "") -> None:
        root.mkdir(exist_ok=True)
        self.world, self.root = World(root, source_url=source_url), root
        self.source = Path(self.world.source_url.removeprefix("sqlite:///"))
        for name in FRESH:
            (root / "fresh" / name).mkdir(parents=True)

    def plan(self, rules: list[dict[str, Any]]) -> Run:
        run = self.world.open_run(RUN, planted.instructing(self.root / "include", rules))
        self.world.steps(run)["plan"]()
        return run

    def trace(self, *arguments: str, **more: str) -> Traced:
        fresh = {name: str(self.root / "fresh" / name) for name in FRESH}
        environment = {
            **{name: path for name, path in fresh.items() if name != "cwd"},
            **self.world.environment,
            **more,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, DRIVER, *arguments]
        return trace(command, self.root / "trace" / arguments[0], Path(fresh["cwd"]), environment)

    def strangers(self, traced: Traced) -> set[str]:
        """What was written and is not allowed, with the names of the root and the source left out."""
        return {
            name
            for name in map(self._shown, traced.writes.files)
            if not any(re.fullmatch(allowed, name) for allowed in ALLOWED)
        }

    def require_nothing_out(self, *traces: Traced) -> None:
        for traced in traces:
            assert self.strangers(traced) == set()
        looked_in = [*(traced.writes.folder for traced in traces), self.root / "processor"]
        looked_in += self.source.parent.glob(f"{self.source.name}-*")
        assert {path for path, _ in find_planted(looked_in, planted.traces(ROWS, EACH))} == set()
        assert {path.name for path in (self.root / "fresh").rglob("*")} == {*FRESH}
        assert not self.world.landing_path.exists() or not any(self.world.landing_path.iterdir())

    def _shown(self, name: str) -> str:
        return name.replace(str(self.source), "SOURCE").replace(str(self.root), "ROOT")


def written(traced: Traced, name: str) -> int:
    """Bytes that were written to files of such names."""
    return sum(
        path.stat().st_size for file, path in traced.writes.kept.items() if re.search(name, file)
    )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with PostgresCluster() as cluster:
        made = cluster.create_database("lis")
        planted.write_postgres(made, ROWS)
        yield made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "lis.sqlite"
    planted.write_sqlite(path, ROWS)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture
def lis(tmp_path: Path, file: Path) -> Bench:
    return Bench(tmp_path, f"sqlite:///{file}")


def test_from_postgresql_in_pieces_with_rules_that_hold(tmp_path: Path, url: str) -> None:
    bench = Bench(tmp_path, url)
    run = bench.plan(PASSING)
    extracted = bench.trace("extract", url, REMIT_ROWS_PER_PIECE=str(ROWS // 4))
    validated = bench.trace("validate", "48MB")
    assert (extracted.code, validated.code) == (0, 0), extracted.output + validated.output
    assert run.story.has("validated")
    files = run.story.last("extracted")["files"]
    assert len(files) == 4
    assert sum(file["rows"] for file in files) == ROWS
    assert written(extracted, "staging/.*partial") > sum(file["size"] for file in files) > 4 << 20
    bench.require_nothing_out(extracted, validated)


def test_from_sqlite_with_rules_that_fail_and_that_raise(lis: Bench) -> None:
    run = lis.plan([*PASSING, *FAILING, *RAISING])
    extracted = lis.trace("extract", lis.world.source_url)
    validated = lis.trace("validate", "256MB")
    assert (extracted.code, validated.code) == (0, 3), extracted.output + validated.output
    [table] = run.story.last("invalid")["report"]["tables"]
    verdicts = {verdict["rule"]: verdict for verdict in table["verdicts"]}
    for rules, success, error in ((PASSING, 1, 0), (FAILING, 0, 0), (RAISING, 0, 1)):
        for rule in rules:
            verdict = verdicts[rule["id"]]
            assert (verdict["success"], verdict["error"]) == (success, error), rule["id"]
    lis.require_nothing_out(extracted, validated)


def test_rule_that_needs_more_memory_than_there_is(lis: Bench) -> None:
    run = lis.plan(DEMANDING)
    lis.world.steps(run)["extract"]()
    validated = lis.trace("validate", "16MB")
    assert validated.code == 3, validated.output
    assert run.story.last("refused")["refusal"]["code"] == "validation-memory"
    lis.require_nothing_out(validated)


def test_what_no_step_may_do_would_be_noticed(tmp_path: Path) -> None:
    planted.write_sqlite(tmp_path / "lis.sqlite", 10)
    bench, wrong = Bench(tmp_path), tmp_path / "wrong"
    wrong.mkdir()
    traced = bench.trace("wrong", str(wrong))
    assert traced.code == 0, traced.output
    found = {path for path, _ in find_planted([traced.writes.folder], planted.traces(10))}
    with_values = {name for name, kept in traced.writes.kept.items() if kept in found}
    strangers = bench.strangers(traced)
    for name, shown in NOTICED.items():
        touched = {file for file in traced.writes.files if re.search(name, file)}
        assert touched, name
        assert any(re.search(name, file) for file in with_values) is shown, name
        assert {file.replace(str(tmp_path), "ROOT") for file in touched} <= strangers, name
