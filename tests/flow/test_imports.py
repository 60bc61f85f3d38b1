"""What each step imports: Great Expectations and DuckDB are for the validate step alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from pathlib import Path
from remit.testing.world import World

world = World(Path(sys.argv[1]))
run = world.open_run()
imported = {}
for name, step in world.steps(run).items():
    step()
    imported[name] = [module for module in ("great_expectations", "duckdb") if module in sys.modules]
print(json.dumps(imported))
"""


def test_great_expectations_is_imported_by_the_validate_step_alone(
    tmp_path: Path, laboratory_file: Path
) -> None:
    (tmp_path / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    imported = json.loads(done.stdout.splitlines()[-1])
    assert imported["plan"] == imported["extract"] == []
    assert imported["validate"] == ["great_expectations", "duckdb"]
