"""`remit receive` and `remit open`, at the target."""

from __future__ import annotations

import argparse
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit import signing
from remit.adapters.folder import FolderStore, translating_os
from remit.adapters.receipt_post import post_receipt, require_endpoint
from remit.cli.output import Output
from remit.errors import Refused, UsageError
from remit.manifest import RECEIPT
from remit.pieces import file_name, file_stems
from remit.receive import Delivery, make_receipt
from remit.signing import RecipientPrivateKey
from remit.target import Table, tables_for
from remit.wiring import Resolve, Settings, clock, os_user


def receive(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Verify, decrypt, reconcile; then, and only then, write the receipt."""
    if options.post is not None:
        require_endpoint(options.post)
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
    sent = ""
    if options.post is not None:
        post_receipt(options.post, manifest.run, receipt)
        sent = f", sent to {options.post}"
    fields = {"run": manifest.run, "rows": manifest.rows, "receipt": str(path)}
    fields |= {"posted": options.post is not None}
    output.result(
        fields, f"Received {manifest.rows} rows of run {manifest.run}; receipt {path}{sent}."
    )


def open_delivery(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Write what the key can open as plain Parquet files, one a table."""
    written = _write_tables(_delivery(options), signing.load_recipient(options.key), options.out)
    text = "\n".join(f"{one.path}: {one.rows} rows, {one.told_columns}" for one in written)
    fields = {"files": [{"path": w.path, "rows": w.rows, "columns": w.columns} for w in written]}
    output.result(fields, f"{text}\nThese files are plain: protect and delete them yourself.")


def _delivery(options: argparse.Namespace) -> Delivery:
    trust = Settings.from_environment().trust(options.trust)
    return Delivery.open(FolderStore(options.delivery), "", trust)


def _require_own_keys(delivery: Delivery, key: Any, signer: Any) -> None:
    """Say at once what the processor would refuse later."""
    target = delivery.opened.instruction.terms.target
    for given, instructed, name in (
        (signing.public_of(key), target.keys, "--key"),
        (signing.key_of(signer), target.receipt_keys, "--sign"),
    ):
        if given not in instructed:
            raise Refused(
                "target-key-differs",
                name,
                f"it is not the key that the instruction names for the target {target.name}.",
                "use the target's own keys, or have the controller instruct the new ones.",
            )


@dataclass(frozen=True, slots=True)
class _Written:
    """A plain file: where, how many rows, which columns, and how many the table has in all."""

    path: str
    rows: int
    columns: list[str]
    of: int

    @property
    def told_columns(self) -> str:
        return "every column" if len(self.columns) == self.of else self._some()

    def _some(self) -> str:
        return f"{len(self.columns)} of {self.of} columns, which are those given to this key"


def _write_tables(delivery: Delivery, key: RecipientPrivateKey, out: Path) -> list[_Written]:
    """All tables or none: half of a delivery is of no use, and lies there in clear."""
    terms = delivery.opened.instruction.terms
    stems, tables = file_stems(terms), tables_for(delivery, key).tables.values()
    paths = {table.name: out / file_name(stems[table.name]) for table in tables}
    with translating_os(str(out)):
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in paths.values():
            if path.exists() or path.is_symlink():
                raise UsageError(f"{path} is there already, and is not overwritten.")
        with ExitStack() as undo:
            for table in tables:
                _write(table, paths[table.name], undo)
            undo.pop_all()
    return [
        _Written(str(paths[t.name]), t.rows, t.schema.names, len(terms.table(t.name).columns))
        for t in tables
    ]


def _write(table: Table, path: Path, undo: ExitStack) -> None:
    import pyarrow.parquet as pq

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    undo.callback(path.unlink)
    with os.fdopen(handle, "wb") as file:
        with pq.ParquetWriter(file, table.schema, compression="zstd") as writer:
            for batch in table.batches():
                writer.write_batch(batch)
        file.flush()
        os.fsync(file.fileno())  # a receipt may follow, at which the processor deletes
