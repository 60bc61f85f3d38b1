"""A simulated target: the new laboratory system Kalisil, in a process of its own.

    python -m remit.testing.target init HOME             make its keys; their public halves are printed
    python -m remit.testing.target serve HOME --landing DIR --trust DIR [--deliveries N]

It holds its own private keys, watches the landing zone, and for each delivery verifies, decrypts in
memory, loads the rows into its own database (HOME/kalisil.sqlite), and then writes the receipt.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from remit import signing
from remit.adapters.folder import FolderStore
from remit.errors import RemitError
from remit.instruction import TrustStore
from remit.manifest import MANIFEST, RECEIPT, ManifestFile
from remit.receive import Delivery, make_receipt

POLL_SECONDS = 0.5


class Target:
    """The target's system: its keys and its database."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._key = home / "recipient.pem"
        self._signing = home / "receipts.pem"

    def init(self) -> dict[str, str]:
        """Make the keys unless they are there; the public halves."""
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._key.exists():
            signing.new_key("recipient", self._key)
            signing.new_key("signing", self._signing)
        return {
            "target": str(signing.load_public(self._key.with_name("recipient.pem.pub"))),
            "target_receipt": str(signing.load_public(self._signing.with_name("receipts.pem.pub"))),
        }

    @property
    def database(self) -> Path:
        """Where what was delivered is loaded."""
        return self._home / "kalisil.sqlite"

    def ingest(self, folder: Path, trust: TrustStore) -> None:
        """Verify, decrypt, load, commit; then write the receipt.

        Raises:
            Refused: the delivery does not verify; nothing is loaded and no receipt written.
        """
        delivery = Delivery.open(FolderStore(folder), "", trust)
        key = signing.load_recipient(str(self._key))
        files = delivery.reconcile(key)
        with sqlite3.connect(self.database) as database:
            for table in {entry.table for entry in delivery.opened.manifest.files}:
                self._empty(delivery, table, database)
            for entry in delivery.opened.manifest.files:
                self._load(delivery, entry, key, database)
        now = datetime.now(UTC)
        receipt = make_receipt(
            delivery,
            files,
            signing.load_signer(str(self._signing)),
            system="kalisil 1.0 (simulated)",
            principal="kalisil-import",
            committed=now,
            now=now,
        )
        hidden = folder / f".{RECEIPT}.partial"
        hidden.write_bytes(receipt)
        hidden.replace(folder / RECEIPT)

    def _empty(self, delivery: Delivery, name: str, database: sqlite3.Connection) -> None:
        columns = [c.name for c in delivery.opened.instruction.terms.table(name).columns]
        names, table = ", ".join(_quoted(column) for column in columns), _quoted(name)
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} ({names})")
        database.execute(f"DELETE FROM {table}")  # loaded anew, so that a second try is no double

    def _load(
        self, delivery: Delivery, entry: ManifestFile, key: Any, database: sqlite3.Connection
    ) -> None:
        columns = [c.name for c in delivery.opened.instruction.terms.table(entry.table).columns]
        names = ", ".join(_quoted(column) for column in columns)
        marks = ", ".join("?" * len(columns))
        table = _quoted(entry.table)
        with delivery.file(entry, key) as opened:
            for batch in opened.batches():
                rows = zip(
                    *(map(_plain, column.to_pylist()) for column in batch.columns), strict=True
                )
                database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

    def serve(self, landing: Path, trust: TrustStore, deliveries: int, seconds: float) -> bool:
        """Ingest what arrives, until so many were ingested; False when the time ran out."""
        until, done = time.monotonic() + seconds, 0
        while done < deliveries and time.monotonic() < until:
            for manifest in sorted(landing.glob(f"*/{MANIFEST}")):
                hidden = manifest.parent.name.startswith(".")  # still being copied
                if not hidden and not (manifest.parent / RECEIPT).exists():
                    self.ingest(manifest.parent, trust)
                    done += 1
            time.sleep(POLL_SECONDS)
        return done >= deliveries


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    """What SQLite stores: decimals and times as exact text."""
    if isinstance(value, (Decimal, date, datetime)):
        return str(value)
    return value


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m remit.testing.target")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("home", type=Path)
    serve = commands.add_parser("serve")
    serve.add_argument("home", type=Path)
    serve.add_argument("--landing", type=Path, required=True)
    serve.add_argument("--trust", type=Path, required=True)
    serve.add_argument("--deliveries", type=int, default=1)
    serve.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    target = Target(options.home)
    if options.command == "init":
        sys.stdout.write(json.dumps(target.init()) + "\n")
        return 0
    try:
        trust = TrustStore(options.trust)
        done = target.serve(options.landing, trust, options.deliveries, options.seconds)
    except RemitError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0 if done else 4


if __name__ == "__main__":
    raise SystemExit(main())
