"""A delivery of every type, without a source: to try a reader with.

    python -m remit.testing.sample_delivery HOME [--rows N]

Below HOME, which must not exist, are then the delivery `landing/sample`, the recipients' keys
`target/recipient.pem` (every category) and `registry.pem` (technical columns alone), and the
controller's public key in `include/controllers/durand/keys`. Every form and key is real; nobody's
data is in it.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from remit import seal, signing
from remit.adapters.folder import FolderStore
from remit.evidence import timestamp
from remit.instruction import Table, VerifiedInstruction, columns_digest, read_signed, verify
from remit.manifest import INSTRUCTION, MANIFEST, sign_manifest
from remit.pieces import file_name
from remit.sealed_parquet import EncryptedWriter, FileContext
from remit.signing import PublicKey
from remit.table_writer import readers_of
from remit.testing.world import World

RUN = "sample"
BATCH_ROWS = 65_536
ROWS: list[tuple[Any, ...]] = [
    (2**63 - 1, "123e4567-e89b-12d3-a456-426614174000", "Émile 𝄞", True, -0.0, Decimal("-0.0001"),
     Decimal("9" * 29 + "." + "9" * 9), date(9999, 12, 31),
     datetime(2024, 3, 31, 2, 30, 0, 1), datetime(2024, 12, 31, 23, 59, 59, 999999, UTC)),
    (-(2**63), "ffffffff-ffff-4fff-bfff-ffffffffffff", "", False, 0.1, Decimal("99999999.9999"),
     Decimal("0.000000001"), date(1900, 2, 28),
     datetime(1899, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1, tzinfo=UTC)),
    (2**53 + 1, *(None,) * 9),
    (None, "00000000-0000-0000-0000-000000000000", "0690", None, 1e-300, Decimal("7.0000"),
     Decimal(0), date(1970, 1, 1), datetime(2100, 1, 1), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
]  # fmt: skip
"""Values at the bounds, and NULLs, in the order of the columns."""

TYPES = {
    "a_integer": ("integer", "technical"),
    "a_uuid": ("uuid", "technical"),
    "a_string": ("string", "health"),
    "a_boolean": ("boolean", "health"),
    "a_double": ("double", "health"),
    "a_decimal": ("decimal(12,4)", "health"),
    "a_long_decimal": ("decimal(38,9)", "administrative"),
    "a_date": ("date", "health"),
    "a_timestamp": ("timestamp", "health"),
    "a_timestamptz": ("timestamptz", "technical"),
}
"""Column, its type and its category."""


def make_sample(home: Path, rows: int = len(ROWS), parts: int = 2) -> Path:
    """Make the delivery.

    Args:
        rows: how many; `ROWS` over and over.
        parts: in how many files.

    Returns:
        Its folder.
    """
    home.mkdir(mode=0o700)
    world = World(home, patients=1)
    registry = signing.new_key("recipient", home / "registry.pem")
    path = world.instruct(lambda fields: _edit(fields, str(registry)))
    instruction = verify(read_signed(path), world.settings.trust(), None)
    store = FolderStore(world.landing_path)
    files = [
        _write(store, instruction, file_name("every_type", n if parts > 1 else None), share)
        for n, share in enumerate(_shares(rows, parts), 1)
    ]
    made = seal.make_manifest(instruction, RUN, files, timestamp(datetime.now(UTC)), b"none")
    signer = signing.load_signer(world.settings.signing_key)
    for name, data in (
        (INSTRUCTION, instruction.envelope),
        (MANIFEST, sign_manifest(made, signer)),
    ):
        draft = store.create(f"{RUN}/{name}")
        draft.write(data)
        draft.publish()
    return world.landing_path / RUN


def _edit(fields: dict[str, Any], registry: str) -> None:
    fields["recipients"].append(
        {
            "name": "registry",
            "legal_name": "Registre SAS",
            "country": "FR",
            "key": registry,
            "categories": ["technical"],
        }
    )
    columns = [
        {"name": name, "type": kind, "category": category, "purpose": "To try a reader with"}
        for name, (kind, category) in TYPES.items()
    ]
    rows = {
        "window": {"column": "a_date", "type": "date", "from": "1900-01-01", "to": "9999-12-31"},
        "all_codes": "The table is made up and has no codes of a laboratory",
        "maximum": 100_000_000,
    }
    fields["tables"] = [{"name": "every_type", "rows": rows, "columns": columns}]
    fields["expectations"] = []


def _write(
    store: FolderStore, instruction: VerifiedInstruction, name: str, rows: range
) -> dict[str, Any]:
    table = instruction.terms.table("every_type")
    writer = EncryptedWriter(
        store.create(f"{RUN}/{name}"),
        _schema(table),
        {column.name: column.category.value for column in table.columns},
        readers_of(instruction.terms, PublicKey.parse(instruction.terms.target.key)),
        FileContext(instruction.digest, RUN, name),
    )
    for batch in _batches(_schema(table), rows):
        writer.write(batch)
    written = writer.close()
    return {
        "name": name,
        "table": table.name,
        "columns": columns_digest(table),
        "rows": written.rows,
        "size": written.size,
        "sha256": written.sha256,
        "commitment": written.commitment,
    }


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(column.name, column.delivered.arrow()) for column in table.columns])


def _batches(schema: pa.Schema, rows: range) -> Iterator[pa.RecordBatch]:
    columns = zip(zip(*ROWS, strict=True), schema, strict=True)
    arrays = [pa.array(values, field.type) for values, field in columns]
    turn = pa.RecordBatch.from_arrays(arrays, schema=schema)
    for start in range(rows.start, rows.stop, BATCH_ROWS):
        numbers = range(start, min(start + BATCH_ROWS, rows.stop))
        yield turn.take(pa.array([number % len(ROWS) for number in numbers]))


def _shares(rows: int, parts: int) -> list[range]:
    bounds = [rows * number // parts for number in range(parts + 1)]
    return [range(*pair) for pair in itertools.pairwise(bounds)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m remit.testing.sample_delivery")
    parser.add_argument("home", type=Path)
    parser.add_argument("--rows", type=int, default=len(ROWS))
    parser.add_argument("--parts", type=int, default=2)
    options = parser.parse_args()
    sys.stdout.write(f"{make_sample(options.home, options.rows, options.parts)}\n")


if __name__ == "__main__":
    main()
