"""The bundle of a run in thousands of pieces: `python -m benchmarks.bundle`.

    python -m benchmarks.bundle [--pieces 10000]

The records are those of a real run, in which each piece, file and copy is told so many times under other
names; manifest, receipt and certificate are signed over all of them, as they would be. A run has at most
1,000 pieces (`remit.pieces.MOST_PIECES`); this is ten times that. Each command is a process of its own.
Prints a table for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import copy
import os
import secrets
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.evidence import RUN, _process, _real_run
from remit import canonical, proof, signing
from remit.confirm import PAYLOAD_TYPE as RECEIPT
from remit.delete import PAYLOAD_TYPE as CERTIFICATE
from remit.evidence import EvidenceLog, Fact
from remit.manifest import PAYLOAD_TYPE as MANIFEST
from remit.testing.world import World
from remit.wiring import Settings, open_ledger

BATCH = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundle")
    parser.add_argument("--pieces", type=int, default=10_000)
    pieces = parser.parse_args().pieces
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), patients=60)
        real = {record.kind: record.data for record in _real_run(world)}
        environment = world.environment | {"REMIT_HOME": str(Path(folder) / "large")}
        environment["REMIT_SIGNING_KEY"] = world.settings.signing_key
        ledger = open_ledger(Settings.from_environment(environment), create=True)
        log = EvidenceLog(ledger, signing.load_signer(world.settings.signing_key), world.clock)
        log.append("noted", "noted", {}, "benchmark", step=None)
        facts = Run(world, real, pieces, log.newest_checkpoint() or b"").facts()
        for first in range(0, len(facts), BATCH):
            log.append_all(facts[first : first + BATCH], "benchmark")
        bundle = Path(folder) / "run.remit.zip"
        trust = str(world.settings.include / "controllers")
        export = _process(
            ["evidence", "export", RUN, "--out", str(bundle)], os.environ | environment
        )
        verify = ["evidence", "verify", str(bundle), "--trust", trust]
        verified = _process(verify, os.environ | environment)
        with zipfile.ZipFile(bundle) as files:
            count = len(files.namelist())
        megabytes = bundle.stat().st_size / 1e6
    print(
        f"{len(facts):,} records, {pieces:,} files delivered: {megabytes:.1f} MB, {count} files in it.\n"
    )
    print("| command | s | processor, s | peak MB of a process |\n|---|---|---|---|")
    for name, one in (
        ("`remit evidence export RUN`", export),
        ("`remit evidence verify FILE`", verified),
    ):
        print(f"| {name} | {one['seconds']} | {one['processor_seconds']} | {one['peak_mb']} |")


class Run:
    """The facts of a run in so many pieces."""

    def __init__(self, world: World, real: dict[str, Any], pieces: int, checkpoint: bytes) -> None:
        self._world, self._real = world, copy.deepcopy(real)
        self._checkpoint = checkpoint.decode()
        self._table, *self._rest = self._real["extracted"]["files"]
        self._proofs = [secrets.token_hex(32) for _ in range(pieces)]
        self._files = [self._file(n, secret) for n, secret in enumerate(self._proofs, 1)]

    def _file(self, number: int, secret: str) -> dict[str, Any]:
        name = self._table["name"].replace(".parquet", f"-part-{number:04d}.parquet")
        digest = "sha256:" + secrets.token_hex(32)
        fields = {"name": name, "rows": 0, "sha256": digest, "commitment": proof.commitment(secret)}
        return self._table | fields

    def facts(self) -> list[Fact]:
        """All of them, in order."""
        real, home = self._real, self._world.root
        extracted = real["extracted"] | {"files": [*self._files, *self._rest]}
        manifest = self._manifest()
        receipt = self._signed(home / "target/receipts.pem", RECEIPT, self._receipt(manifest))
        copies = [{"where": f"/srv/{at}/{file['name']}", "size": file["size"]}
                  for at in ("staging", "landing") for file in self._files]  # fmt: skip
        body = self._payload(real["deleted"]["certificate"]) | {"copies": copies}
        certificate = self._signed(Path(self._world.settings.signing_key), CERTIFICATE, body)
        changed = {
            "extracted": extracted,
            "sealing": {"manifest": manifest},
            "delivered": real["delivered"] | {"manifest": canonical.sha256(manifest.encode())},
            "confirmed": real["confirmed"] | {"receipt": receipt},
            "deleting": {"copies": copies},
            "deleted": {"certificate": certificate, "copies": len(copies)},
        }
        told = []
        for kind, data in real.items():
            if kind == "extracted":
                told += [("piece", {"number": n, "file": f}) for n, f in enumerate(self._files, 1)]
            told.append((kind, changed.get(kind, data)))
        return [Fact(RUN, kind, data, step) for step, (kind, data) in enumerate(told)]

    def _manifest(self) -> str:
        body = self._payload(self._real["sealing"]["manifest"])
        shape = body["files"][0].keys()
        files = [{name: file[name] for name in shape} for file in [*self._files, *self._rest]]
        return self._signed(
            Path(self._world.settings.signing_key),
            MANIFEST,
            body | {"files": files, "checkpoint": self._checkpoint},
        )

    def _receipt(self, manifest: str) -> dict[str, Any]:
        body = self._payload(self._real["confirmed"]["receipt"])
        first, *rest = body["files"]
        files = [
            first | {name: file[name] for name in ("name", "size", "sha256")}
            | {"proof": secret, "received": 0, "accepted": 0}
            for file, secret in zip(self._files, self._proofs, strict=True)
        ]  # fmt: skip
        return body | {"files": [*files, *rest], "manifest": canonical.sha256(manifest.encode())}

    def _payload(self, envelope: str) -> dict[str, Any]:
        kind = canonical.loads(envelope.encode())["payloadType"]
        return canonical.loads(signing.unverified_payload(envelope.encode(), kind, "it"))

    def _signed(self, key: Path, kind: str, body: dict[str, Any]) -> str:
        signer = signing.load_signer(str(key))
        return signing.sign(canonical.dumps(body), kind, signer).decode()


if __name__ == "__main__":
    main()
