"""Takes one step of a run, in a process of its own that somebody traces; or does what no step may.

extract URL | validate LIMIT | wrong FOLDER
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from remit.adapters.gx import GxJudge
from remit.custody import Run
from remit.errors import RemitError
from remit.testing import planted
from remit.wiring import Settings, open_deployment, open_source

RUN = "canaries-traced"


def step(name: str, argument: str) -> None:
    run = Run(RUN, open_deployment(Settings.from_environment()), "test")
    if name == "extract":
        run.extract(open_source(argument), lambda *_: None)
    else:
        run.validate(GxJudge(memory_limit=argument))


def wrong(folder: Path) -> None:
    """Every way in which a value might reach a disk, with the first row's label."""
    row = next(planted.rows(1))
    label = str(row[3]).encode()
    with tempfile.TemporaryFile() as file:
        file.write(label)
    with tempfile.NamedTemporaryFile(prefix="removed-", dir=folder) as file:
        file.write(label)
    (folder / "vectors").touch()
    with (folder / "vectors").open("ab", buffering=0) as file:
        os.writev(file.fileno(), [b"before ", label])
    (folder / "before").write_bytes(b"")
    (folder / "before").rename(folder / "after")
    (folder / "link").symlink_to(str(row[0]))
    with (folder / "mapped").open("w+b") as file:
        file.truncate(4096)
        with mmap.mmap(file.fileno(), 4096) as mapped:
            mapped[: len(label)] = label
    os.close(os.memfd_create("in memory"))
    os.sendfile(os.open(folder / "sent", os.O_WRONLY | os.O_CREAT), os.open(__file__, 0), 0, 10)
    if os.fork() == 0:
        (folder / "of-a-child").write_bytes(label)
        os._exit(0)
    os.wait()
    spill(folder)


def spill(folder: Path) -> None:
    """What DuckDB does with a table larger than its memory, unless it is told not to."""
    import duckdb

    rows = list(planted.rows(3000)) * 20
    table = pa.table({"remarks": [f"{row[9]} {n}" for n, row in enumerate(rows)]})
    config = {"memory_limit": "24MB", "temp_directory": str(folder / "spilled"), "threads": 1}
    connection = duckdb.connect(config=config)
    connection.register("given", table)
    connection.execute("CREATE TABLE kept AS SELECT remarks FROM given ORDER BY md5(remarks)")


def main(name: str, argument: str) -> int:
    if name == "wrong":
        wrong(Path(argument))
        return 0
    try:
        step(name, argument)
    except RemitError as error:
        print(error)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
