"""What a target may say of a delivery, besides the true receipt that `Target.ingest` writes.

For tests and trials of what the processor makes of it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from remit import canonical, signing
from remit.confirm import PAYLOAD_TYPE
from remit.custody import Run
from remit.custody.confirmation import TargetSystems
from remit.evidence import parse_timestamp, timestamp
from remit.instruction import VerifiedInstruction
from remit.manifest import CONTROL, RECEIPT, Manifest, open_manifest
from remit.testing.controller import Edit
from remit.testing.world import World
from remit.wiring import open_source, open_status_server

AUDIT = {
    "connection": "kalisil_audit",
    "relation": "load_audit",
    "run": "run_id",
    "table": "loaded_table",
    "rows": "loaded_rows",
    "status": "load_status",
    "loaded": "loaded",
    "failed": ["failed"],
}
RECOUNT = [
    {"table": name, "relation": name, "run": "import_run"}
    for name in ("results", "observation_history")
]
SUBMIT = {"connection": "kalisil_fhir", "system": "https://migrations.example", "value": "ms"}


def taking(level: str, *ways: str, id: str = "durand-2026", **described: Any) -> Edit:  # noqa: A002
    """An instruction that takes these ways, to this level.

    Args:
        id: the instruction's, so that several can be in one world.
        described: ``audit_table`` and ``bulk_submit``.
    """

    def edit(fields: dict[str, Any]) -> None:
        fields["id"] = id
        fields["confirmation"] = {"level": level, "by": list(ways), **described}

    return edit


@dataclass
class Answers:
    """What the target of a world says of one delivered run."""

    world: World
    run: Run

    @property
    def manifest(self) -> Manifest:
        """The manifest of the delivery."""
        instruction: VerifiedInstruction = self.run.instruction()
        return open_manifest(self.run.story.manifest_envelope, instruction)

    @property
    def place(self) -> Path:
        """Where the target's receipt is."""
        return self.world.landing_path / self.run.id / RECEIPT

    def true(self) -> dict[str, Any]:
        """The fields of a true receipt; none is left at the landing zone."""
        self.world.ingest(self.run)
        fields: dict[str, Any] = json.loads(
            signing.unverified_payload(self.place.read_bytes(), PAYLOAD_TYPE, "it")
        )
        self.place.unlink()
        return fields

    def signed(self, fields: Mapping[str, Any], seconds: float = 0, **changed: Any) -> bytes:
        """A receipt of its own, signed by the target, so many seconds after `fields`."""
        issued = timestamp(parse_timestamp(fields["issued_at"]) + timedelta(seconds=seconds))
        own = {"receipt": secrets.token_hex(32), "issued_at": issued}
        signer = signing.load_signer(str(self.world.root / "target" / "receipts.pem"))
        return signing.sign(canonical.dumps({**fields, **own, **changed}), PAYLOAD_TYPE, signer)

    def put(self, envelope: bytes) -> None:
        """Write a receipt at the landing zone, in the place of any other."""
        self.place.parent.mkdir(exist_ok=True)
        self.place.write_bytes(envelope)

    def control(self, **rows: int) -> None:
        """Write a control file; other numbers of rows by the files' tables."""
        lines = [
            f"{file.name} {rows.get(file.table, file.rows)} {file.sha256.removeprefix('sha256:')}"
            for file in self.manifest.files
        ]
        (self.place.parent / CONTROL).write_text("\r\n".join(lines) + "\r\n", "ascii")

    @property
    def database(self) -> Path:
        """The target's database with its table of loads."""
        return self.world.root / "audit.sqlite"

    def load(self, status: str = "loaded", *, short: int = 0, lost: int = 0) -> None:
        """Say of each table that it was loaded, and have its rows there.

        Args:
            short: so many rows fewer are said of the first table.
            lost: so many rows fewer of it are there.
        """
        with sqlite3.connect(self.database) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS load_audit (run_id TEXT, loaded_table TEXT,"
                " loaded_rows INTEGER, load_status TEXT)"
            )
            for number, file in enumerate(self.manifest.files):
                told, there = (
                    (file.rows - short, file.rows - lost) if number == 0 else (file.rows,) * 2
                )
                database.execute(
                    f'CREATE TABLE IF NOT EXISTS "{file.table}" (import_run TEXT, n INTEGER)'
                )
                database.execute(
                    "INSERT INTO load_audit VALUES (?, ?, ?, ?)",
                    (self.run.id, file.table, told, status),
                )
                if status == "loaded":
                    database.executemany(
                        f'INSERT INTO "{file.table}" VALUES (?, ?)',
                        ((self.run.id, n) for n in range(there)),
                    )
        database.close()

    def systems(self, status_server: str = "") -> TargetSystems:
        """The target's database, and a FHIR server by its address with the token."""
        return TargetSystems(
            lambda _: open_source(f"sqlite:///{self.database}"),
            lambda _: open_status_server(status_server),
        )
