"""Where the processor's time of an extract goes, stage by stage, in nanoseconds a row.

    python -m benchmarks.stages [--rows 3000000]

One connection, so that stages do not disturb each other; seconds of CPU of the thread that does the
stage. The server's time is its own, and the floor's: see `benchmarks.ways`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.database import fill
from benchmarks.ways import remit
from remit.testing.postgres import PostgresCluster

WINDOW = ("2023-07-01", "2026-01-01")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages")
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--url", help="of a database that is filled; for the measuring process")
    options = parser.parse_args()
    if options.url:
        print(json.dumps(_measured(options.url)))
        return
    with PostgresCluster(timeout=120) as cluster:
        url = cluster.create_database("lis")
        fill(url, options.rows)
        command = [sys.executable, "-m", "benchmarks.stages", "--url", url]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print("| stage | ns a row |\n|---|---|")
    for stage, nanoseconds in json.loads(done.stdout.splitlines()[-1]).items():
        print(f"| {stage} | {nanoseconds} |")


def _measured(url: str) -> dict[str, int]:
    from remit import extract, proof, sealed_parquet, table_writer
    from remit.adapters.sql_source import postgres, session
    from remit.credentials import CredentialCheck
    from remit.remit_check import RemitCheck

    clock = _Stages()
    extract.MOST_LANES = 1
    session.Session.batches = clock.each("driver: COPY to Arrow", session.Session.batches)
    clock.around(postgres, "conform", "types made exact (uuids, decimals)")
    clock.around(RemitCheck, "admit", "columns and rows checked")
    clock.around(extract._Sums, "add", "sums")
    clock.around(CredentialCheck, "require", "credentials looked for")
    clock.around(proof.ContentDigest, "update", "digest for the proof of decryption")
    clock.around(sealed_parquet.EncryptedWriter, "_flush", "Parquet, zstd, AES, hash, write")
    clock.around(table_writer, "repeating", "dictionaries chosen")
    with tempfile.TemporaryDirectory() as folder:
        rows = remit(url, Path(folder), WINDOW)()
    found = sorted(clock.seconds.items(), key=lambda item: -item[1])
    return {stage: round(seconds / rows * 1e9) for stage, seconds in found}


class _Stages:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Time what a function does."""
        function = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._add(stage, began)

        setattr(owner, name, timed)

    def each(self, stage: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
        """Time what an iterator does for each item."""

        def timed(*args: Any) -> Iterator[Any]:
            items = function(*args)
            while True:
                began = time.thread_time()
                try:
                    item = next(items)
                except StopIteration:
                    return
                finally:
                    self._add(stage, began)
                yield item

        return timed

    def _add(self, stage: str, began: float) -> None:
        with self._lock:
            self.seconds[stage] += time.thread_time() - began


if __name__ == "__main__":
    main()
