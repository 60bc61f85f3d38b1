"""Seal: prove to whom each column's key is wrapped, then destroy the run's staging key.

Guarantee: a manifest exists only for files whose every key is wrapped to exactly the instructed
recipients and the staging key, as read back from the files themselves. After the staging key is
destroyed the processor cannot read what it wrote.
Not guaranteed: that no copy of the staging key was made by somebody with root on the key store;
docs/limitations.md says what each key store can promise.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from remit.errors import Refused
from remit.instruction import VerifiedInstruction, columns_digest
from remit.instruction.interval import Interval
from remit.manifest import InstructionRef, IntervalRef, Manifest, ManifestFile, key_ids
from remit.ports import KeyStore, Store
from remit.sealed_parquet import FOOTER, FileContext, KeyOpener, wrapped_to
from remit.signing import PublicKey
from remit.table_writer import readers_of
from remit.validate import open_recorded


def staging_opener(keys: KeyStore, name: str, public: PublicKey) -> KeyOpener:
    """Opens file keys with the run's staging key, while it exists."""

    def open_key(sealed: Mapping[str, bytes], info: bytes) -> bytes:
        return keys.open(name, sealed[public.key_id], info)

    return open_key


def require_wrapping(
    instruction: VerifiedInstruction,
    run: str,
    files: Sequence[Mapping[str, Any]],
    staging: Store,
    opener: KeyOpener,
    staging_key: PublicKey,
) -> None:
    """Refuse (recipients-differ) a file that others than the instructed could open, or not all."""
    readers = {
        category: frozenset(key.key_id for key in keys)
        for category, keys in readers_of(instruction.terms, staging_key).items()
    }
    for file in files:
        table = instruction.terms.table(file["table"])
        expected = {FOOTER: {readers[FOOTER]}} | {
            column.name: {readers[column.category.value]} for column in table.columns
        }
        with open_recorded(staging, run, file) as opened:
            found = wrapped_to(opened, opener, FileContext(instruction.digest, run, file["name"]))
        if not file["rows"]:
            expected = {FOOTER: expected[FOOTER]}  # no rows, so no column was written
        for name in sorted(set(expected) | set(found)):
            if expected.get(name) != found.get(name):
                raise Refused(
                    "recipients-differ",
                    f"{file['name']} column {name}",
                    "its key is not wrapped to exactly the instructed recipients.",
                    "nothing is delivered; run anew, and report it if it happens again.",
                )


def make_manifest(
    instruction: VerifiedInstruction,
    run: str,
    files: Sequence[Mapping[str, Any]],
    at: str,
    checkpoint: bytes,
    interval: Interval | None = None,
) -> Manifest:
    """The manifest of a checked extract, with a fresh nonce."""
    terms = instruction.terms
    for file in files:
        if file["columns"] != columns_digest(terms.table(file["table"])):
            raise Refused(
                "columns-outside-remit",
                file["name"],
                "its recorded columns are not the instructed ones.",
                "run anew.",
            )
    return Manifest(
        run=run,
        instruction=InstructionRef(id=terms.id, version=terms.version, digest=instruction.digest),
        files=[_manifest_file(file) for file in files],
        recipients=key_ids(terms),
        nonce=secrets.token_hex(32),
        sealed_at=at,
        checkpoint=checkpoint.decode(),
        interval=IntervalRef(**interval.as_json()) if interval else None,
    )


def _manifest_file(file: Mapping[str, Any]) -> ManifestFile:
    """What the target is told of a file; how many rows were suppressed is not its business."""
    return ManifestFile(**{name: file[name] for name in ManifestFile.model_fields})
