"""`remit receive` and `remit open`, at the target."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from typing import Any

from remit import signing
from remit.adapters.folder import FolderStore, translating_os
from remit.cli.output import Output
from remit.errors import Refused
from remit.manifest import RECEIPT
from remit.receive import Delivery, make_receipt
from remit.wiring import Resolve, Settings, clock, os_user


def receive(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Verify, decrypt, reconcile; then, and only then, write the receipt."""
    delivery = _delivery(options)
    key = signing.load_recipient(options.key)
    signer = signing.load_signer(options.sign)
    _require_own_keys(delivery, key, signer)
    files = delivery.reconcile(key)
    if options.out is not None:
        _write_tables(delivery, key, options.out)
    now = clock()
    receipt = make_receipt(
        delivery,
        files,
        signer,
        system=options.system,
        principal=os_user(),
        committed=now,
        now=now,
    )
    path = options.delivery / RECEIPT
    with translating_os(str(path)):
        hidden = path.with_name(f".{RECEIPT}.{secrets.token_hex(4)}")
        hidden.write_bytes(receipt)
        hidden.replace(path)
    manifest = delivery.opened.manifest
    fields = {"run": manifest.run, "rows": manifest.rows, "receipt": str(path)}
    output.result(fields, f"Received {manifest.rows} rows of run {manifest.run}; receipt {path}.")


def open_delivery(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Write what the key can open as plain Parquet files, one a table."""
    delivery = _delivery(options)
    written = _write_tables(delivery, signing.load_recipient(options.key), options.out)
    text = "\n".join(f"{path}: {rows} rows" for path, rows in written)
    fields = {"files": [{"path": path, "rows": rows} for path, rows in written]}
    output.result(fields, f"{text}\nThese files are plain: protect and delete them yourself.")


def _delivery(options: argparse.Namespace) -> Delivery:
    trust = Settings.from_environment().trust(options.trust)
    return Delivery.open(FolderStore(options.delivery), "", trust)


def _require_own_keys(delivery: Delivery, key: Any, signer: Any) -> None:
    """Say at once what the processor would refuse later."""
    target = delivery.opened.instruction.terms.target
    for given, instructed, name in (
        (signing.public_of(key), target.key, "--key"),
        (signing.key_of(signer), target.receipt_key, "--sign"),
    ):
        if str(given) != instructed:
            raise Refused(
                "target-key-differs",
                name,
                f"it is not the key that the instruction names for the target {target.name}.",
                "use the target's own keys, or have the controller instruct the new ones.",
            )


def _write_tables(delivery: Delivery, key: Any, out: Path) -> list[tuple[str, int]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = []
    with translating_os(str(out)):
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in delivery.opened.manifest.files:
            path = out / entry.name
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with delivery.file(entry, key) as opened, os.fdopen(handle, "wb") as file:
                columns = delivery.readable(entry, key)
                schema = pa.schema([opened.schema.field(name) for name in columns])
                with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                    for batch in opened.batches(columns):
                        writer.write_batch(batch)
            written.append((str(path), entry.rows))
    return written
