"""What the target refuses of a delivery, before a row of it is loaded."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remit import canonical, signing
from remit.adapters.folder import FolderStore
from remit.cli import main
from remit.custody import Run
from remit.manifest import MANIFEST, PAYLOAD_TYPE
from remit.receive import Delivery
from remit.sealed_parquet import CHALLENGE
from remit.testing.target import Target
from remit.testing.world import World


@pytest.fixture
def folder(delivered: tuple[World, Run], tmp_path: Path) -> Path:
    """A copy of the delivery's folder, to spoil."""
    world, run = delivered
    return Path(shutil.copytree(world.landing_path / run.id, tmp_path / "delivery"))


@pytest.fixture
def ingest(delivered: tuple[World, Run], folder: Path, tmp_path: Path) -> Callable[[], None]:
    """The target loads the folder; a refused delivery is not loaded and gets no receipt."""
    world, _ = delivered
    target = Target(Path(shutil.copytree(world.root / "target", tmp_path / "target")))

    def go() -> None:
        try:
            target.ingest(folder, world.settings.trust())
        finally:
            assert not target.database.exists()
            assert not (folder / "receipt.dsse.json").exists()

    return go


@pytest.fixture
def remanifest(delivered: tuple[World, Run], folder: Path) -> Callable[..., None]:
    """Put another manifest there, signed by the processor."""

    def go(edit: Callable[[dict[str, Any]], object], key: str = "") -> None:
        world, _ = delivered
        path = folder / MANIFEST
        payload = signing.unverified_payload(path.read_bytes(), PAYLOAD_TYPE, "it")
        manifest = json.loads(payload)
        edit(manifest)
        signer = signing.load_signer(key or world.settings.signing_key)
        path.write_bytes(signing.sign(canonical.dumps(manifest), PAYLOAD_TYPE, signer))

    return go


# --- the folder -----------------------------------------------------------------------------------


@pytest.mark.vector("delivery-incomplete")
@pytest.mark.parametrize("name", ["manifest.dsse.json", "instruction.dsse.json"])
def test_folder_without_its_documents(folder, ingest, refuses, name) -> None:
    (folder / name).unlink()

    with refuses(at=name, saying="not a whole delivery"):
        ingest()


@pytest.mark.vector("file-changed")
def test_file_that_is_not_there(folder, ingest, refuses) -> None:
    (folder / "results.parquet").unlink()

    with refuses(at="results.parquet", saying="not there"):
        ingest()


@pytest.mark.vector("file-changed")
def test_two_files_swapped(folder, ingest, refuses) -> None:
    (folder / "results.parquet").rename(folder / "x")
    (folder / "observation_history.parquet").rename(folder / "results.parquet")
    (folder / "x").rename(folder / "observation_history.parquet")

    with refuses(at="results.parquet", saying="not those of the manifest"):
        ingest()


@pytest.fixture
def other_run(delivered: tuple[World, Run], judge: Any) -> Path:
    """The folder of another run under the same instruction."""
    world, run = delivered
    other = Run("durand-second", world.deployment(), "test")
    other.open(run.story.instruction_envelope, world.source().label, str(world.landing_path))
    return world.deliver(other, judge)


@pytest.mark.vector("file-changed")
def test_one_file_swapped_from_another_run(folder, ingest, refuses, other_run) -> None:
    shutil.copyfile(other_run / "results.parquet", folder / "results.parquet")

    with refuses(at="results.parquet", saying="not those of the manifest"):
        ingest()


@pytest.mark.vector("file-not-readable")
def test_file_of_another_run_under_a_manifest_that_lists_it(
    folder, ingest, remanifest, refuses, other_run
) -> None:
    data = (other_run / "results.parquet").read_bytes()
    (folder / "results.parquet").write_bytes(data)
    remanifest(lambda m: m["files"][0].update(sha256=canonical.sha256(data), size=len(data)))

    with refuses(at="results.parquet", saying="bound to another run or file"):
        ingest()


@pytest.mark.vector("file-not-readable")
def test_file_under_the_name_of_another_table(folder, ingest, remanifest, refuses) -> None:
    def swap(manifest: dict[str, Any]) -> None:
        first, second = manifest["files"]
        for field in ("rows", "size", "sha256", "commitment"):
            first[field], second[field] = second[field], first[field]

    (folder / "results.parquet").rename(folder / "x")
    (folder / "observation_history.parquet").rename(folder / "results.parquet")
    (folder / "x").rename(folder / "observation_history.parquet")
    remanifest(swap)

    with refuses(at="results.parquet", saying="bound to another run or file"):
        ingest()


@pytest.mark.vector("file-not-readable")
def test_file_in_clear(folder, ingest, remanifest, refuses) -> None:
    path = folder / "results.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    data = path.read_bytes()
    remanifest(lambda m: m["files"][0].update(sha256=canonical.sha256(data), size=len(data)))

    with refuses(at="results.parquet", saying="does not decrypt"):
        ingest()


# --- the manifest ---------------------------------------------------------------------------------

WHERE = "the delivery's manifest"


@pytest.mark.vector("signer-not-trusted")
@pytest.mark.parametrize("key", ["controller/controller.pem", "target/receipts.pem"])
def test_manifest_signed_by_another_party(delivered, ingest, remanifest, refuses, key) -> None:
    remanifest(lambda m: None, str(delivered[0].root / key))

    with refuses(at=WHERE, saying="not among the trusted keys"):
        ingest()


@pytest.mark.vector("signature-invalid")
def test_manifest_changed_under_its_signature(folder, ingest, remanifest, refuses) -> None:
    before = json.loads((folder / MANIFEST).read_bytes())
    remanifest(lambda m: m.update(sealed_at="2026-01-01T00:00:00Z"))
    after = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(canonical.dumps(after | {"signatures": before["signatures"]}))

    with refuses(at=WHERE, saying="one of the two was changed"):
        ingest()


@pytest.mark.vector("envelope-malformed")
def test_instruction_in_place_of_the_manifest(folder, ingest, refuses) -> None:
    shutil.copyfile(folder / "instruction.dsse.json", folder / MANIFEST)

    with refuses(at=WHERE, saying="does not hold application/vnd.remit.manifest+json"):
        ingest()


@pytest.mark.vector("manifest-invalid")
@pytest.mark.parametrize(
    ("edit", "at"),
    [
        (lambda m: m.update(comment="x"), "comment"),
        (lambda m: m.pop("nonce"), "nonce"),
        (lambda m: m.update(run="../x"), "run"),
        (lambda m: m["files"][0].update(name="../../x.parquet"), "files.0.name"),
        (lambda m: m["files"][0].update(rows="179"), "files.0.rows"),
        (lambda m: m["files"][0].update(rows=-1), "files.0.rows"),
        (lambda m: m["files"][0].update(sha256="md5:1"), "files.0.sha256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_manifest_out_of_its_form(ingest, remanifest, refuses, edit, at) -> None:
    remanifest(edit)

    with refuses(at=f"{WHERE}, field {at}", saying="missing, unknown or not of its form"):
        ingest()


@pytest.mark.vector("manifest-mismatch")
def test_manifest_under_another_instruction(world, delivered, folder, ingest, refuses) -> None:
    theirs = delivered[0]
    first = {"version": 1, "digest": "sha256:" + "0" * 64}
    text = theirs.instruct(lambda f: f.update(version=2, supersedes=first))
    shutil.copyfile(f"{text}.dsse.json", folder / "instruction.dsse.json")

    with refuses(at="manifest field instruction.digest", saying="under another instruction"):
        ingest()


@pytest.mark.vector("delivery-not-reconciled")
@pytest.mark.parametrize(
    "edit",
    [
        lambda f: f.update(rows=f["rows"] + 1),
        lambda f: f.update(rows=f["rows"] - 1),
        lambda f: f.update(commitment="sha256:" + "0" * 64),
    ],
    ids=["a row more", "a row less", "another content"],
)
def test_file_that_is_not_what_the_manifest_says(ingest, remanifest, refuses, edit) -> None:
    remanifest(lambda m: edit(m["files"][0]))

    with refuses(at="results.parquet", saying="not what manifest and instruction say"):
        ingest()


UNINSTRUCTED = {
    "a table that is not instructed": ("files", lambda m: m["files"][0].update(table="patients")),
    "a file under another table": (
        "files",
        lambda m: m["files"][0].update(table="observation_history"),
    ),
    "other columns": ("files", lambda m: m["files"][0].update(columns="sha256:" + "0" * 64)),
    "a file twice": ("files", lambda m: m["files"].append(m["files"][0])),
    "a table left out": ("files", lambda m: m["files"].pop()),
    "no file": ("files", lambda m: m["files"].clear()),
    "another order": ("files", lambda m: m["files"].reverse()),
    "rows over the ceiling": ("files", lambda m: m["files"][0].update(rows=50_001)),
    "another recipient": ("recipients", lambda m: m["recipients"].update(somebody=["0" * 64])),
    "no recipient": ("recipients", lambda m: m["recipients"].clear()),
    "one key too many": ("recipients", lambda m: m["recipients"]["kalisil"].append("0" * 64)),
    "another key": ("recipients", lambda m: m["recipients"].update(kalisil=["0" * 64])),
}


@pytest.mark.vector("manifest-mismatch")
@pytest.mark.parametrize(("at", "edit"), UNINSTRUCTED.values(), ids=UNINSTRUCTED)
def test_manifest_that_contradicts_its_instruction(ingest, remanifest, refuses, at, edit) -> None:
    remanifest(edit)

    with refuses(at=f"manifest field {at}", saying="instructed"):
        ingest()


@pytest.mark.vector("file-changed")
def test_file_of_another_size_than_the_manifest_says(ingest, remanifest, refuses) -> None:
    remanifest(lambda m: m["files"][0].update(size=1))

    with refuses(at="results.parquet", saying="not those of the manifest"):
        ingest()


# --- the keys -------------------------------------------------------------------------------------


@pytest.mark.vector("file-not-readable")
def test_key_of_somebody_who_is_no_recipient(delivered, folder, tmp_path, refuses) -> None:
    signing.new_key("recipient", tmp_path / "other.pem")
    delivery = Delivery.open(FolderStore(folder), "", delivered[0].settings.trust())

    with refuses(at="results.parquet", saying="not sealed to the key given"):
        delivery.reconcile(signing.load_recipient(str(tmp_path / "other.pem")))


@pytest.fixture
def receive(
    delivered: tuple[World, Run], folder: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    def go(key: Path, sign: Path) -> tuple[int, Any]:
        trust = delivered[0].root / "include" / "controllers"
        arguments = ["receive", folder, "--key", key, "--sign", sign, "--trust", trust, "--json"]
        code = main([str(argument) for argument in arguments])
        return code, json.loads(capsys.readouterr().out)

    return go


@pytest.mark.vector("target-key-differs")
@pytest.mark.parametrize("option", ["--key", "--sign"])
def test_key_that_the_instruction_does_not_name(
    delivered, folder, tmp_path, receive, refuses, option
) -> None:
    kind = {"--key": "recipient", "--sign": "signing"}[option]
    signing.new_key(kind, tmp_path / "other.pem")
    keys = {
        name: delivered[0].root / "target" / f"{name}.pem" for name in ("recipient", "receipts")
    }
    keys["recipient" if option == "--key" else "receipts"] = tmp_path / "other.pem"

    code, answer = receive(keys["recipient"], keys["receipts"])

    assert code == 3
    refuses.check(answer["error"], at=option, saying="not the key that the instruction names")
    assert not (folder / "receipt.dsse.json").exists()


@pytest.mark.vector("delivery-incomplete")
def test_wrong_folder_exits_3(delivered, folder, receive, refuses) -> None:
    (folder / MANIFEST).unlink()
    target = delivered[0].root / "target"

    code, answer = receive(target / "recipient.pem", target / "receipts.pem")

    assert code == 3
    refuses.check(answer["error"], at=MANIFEST, saying="not a whole delivery")


@pytest.mark.vector("file-not-readable")
def test_file_in_clear_that_looks_like_ours(delivered, folder, ingest, remanifest, refuses) -> None:
    world, _ = delivered
    delivery = Delivery.open(FolderStore(folder), "", world.settings.trust())
    entry = delivery.opened.manifest.files[0]
    key = signing.load_recipient(str(world.root / "target" / "recipient.pem"))
    with delivery.file(entry, key) as opened:
        metadata = {CHALLENGE: base64.b64encode(opened.challenge)}
        table = pa.Table.from_batches(opened.batches())
    path = folder / entry.name
    pq.write_table(table.replace_schema_metadata(metadata), path)
    data = path.read_bytes()
    remanifest(lambda m: m["files"][0].update(sha256=canonical.sha256(data), size=len(data)))

    with refuses(at="results.parquet", saying="does not decrypt"):
        ingest()
