"""Recipients and their classes, hybrid keys, and keys that follow others while runs go on."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.bundle import archive, make_bundle, verify_bundle
from remit.cli import main
from remit.confirm import PAYLOAD_TYPE
from remit.custody import Run, rotate
from remit.errors import EvidenceBroken, Refused
from remit.instruction import digest_of
from remit.ports import Rule, Verdict
from remit.receive import Delivery
from remit.signing import PublicKey
from remit.succession import KEYS, endorse
from remit.testing.world import World
from remit.verification import verify_log
from remit.wiring import open_deployment

sys.path.append(str(Path(__file__).parent))
edits = import_module("bundle_edits")

CLASSES = {"kalisil": None, "registry": ["technical"], "archive": ["identity"]}


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


def new_world(root: Path, laboratory_file: Path) -> World:
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    return World(root)


# --- who opens what -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> tuple[World, Path]:
    """A delivery to a target that changes its key, to one of one class, and to one of none in use."""
    world = new_world(tmp_path_factory.mktemp("shared"), laboratory_file)
    keys = world.root / "keys"
    keys.mkdir()
    following = signing.new_key("recipient", keys / "kalisil-next.pem", post_quantum=True)
    receipts = signing.new_key("signing", keys / "receipts-next.pem")

    def edit(fields: dict[str, Any]) -> None:
        fields["recipients"][0] |= {"next_key": str(following), "next_receipt_key": str(receipts)}
        for name in ("registry", "archive"):
            key = signing.new_key("recipient", keys / f"{name}.pem", post_quantum=name == "archive")
            more = {"legal_name": f"The {name}", "country": "FR", "categories": CLASSES[name]}
            fields["recipients"].append({"name": name, "key": str(key), **more})

    return world, world.deliver(world.open_run(edit=edit), RowCounter())


def opened_by(shared: tuple[World, Path], key: Path, out: Path) -> dict[str, list[str]]:
    """`remit open`: the columns of each table that the key opens."""
    world, folder = shared
    trust = str(world.settings.include / "controllers")
    assert main(["open", str(folder), "--key", str(key), "--out", str(out), "--trust", trust]) == 0
    return {path.stem: pq.read_schema(path).names for path in out.glob("*.parquet")}


@pytest.mark.parametrize("name", ["target/recipient.pem", "keys/kalisil-next.pem"])
def test_both_keys_of_a_recipient_that_changes_open_all_of_its_classes(shared, tmp_path, name):
    found = opened_by(shared, shared[0].root / name, tmp_path / "out")

    assert len(found["results"]) == 12
    assert len(found["observation_history"]) == 5


def test_recipient_opens_its_class_alone(shared, tmp_path) -> None:
    found = opened_by(shared, shared[0].root / "keys" / "registry.pem", tmp_path / "out")

    assert found == {
        "results": ["result_id", "validated_at"],
        "observation_history": ["observation_id"],
    }


def test_recipient_of_none_of_the_columns_opens_none(shared, tmp_path) -> None:
    world, folder = shared
    private = world.root / "keys" / "archive.pem"

    trust = ["--trust", str(world.settings.include / "controllers")]
    out = tmp_path / "out"

    assert main(["open", str(folder), "--key", str(private), "--out", str(out), *trust]) == 3
    assert not list(out.glob("*"))
    delivery = Delivery.open(FolderStore(folder), "", world.settings.trust())
    key = signing.load_recipient(str(private))
    with delivery.file(delivery.opened.manifest.files[0], key) as opened:
        for column in opened.schema.names:
            with pytest.raises(Refused, match="not sealed to the key given"):
                next(opened.batches([column]))


def test_the_manifest_names_every_key_that_opens(shared) -> None:
    world, folder = shared
    manifest = Delivery.open(FolderStore(folder), "", world.settings.trust()).opened.manifest

    assert {name: len(ids) for name, ids in manifest.recipients.items()} == {
        "kalisil": 2, "registry": 1, "archive": 1,
    }  # fmt: skip


def test_target_receives_with_its_next_keys(shared) -> None:
    world, folder = shared
    keys = world.root / "keys"
    trust = str(world.settings.include / "controllers")
    private = ["--key", str(keys / "kalisil-next.pem"), "--sign", str(keys / "receipts-next.pem")]

    assert main(["receive", str(folder), *private, "--trust", trust]) == 0

    run = Run("durand-test", world.deployment(), "test")
    assert run.confirm(world.landing()) is True
    key_id = signing.load_public(keys / "receipts-next.pem.pub").key_id
    receipt = run.story.last("confirmed")["receipt"].encode()
    assert signing.signers_of(receipt, PAYLOAD_TYPE, "it") == {key_id}


def test_hybrid_key_is_as_the_target_writes_it(shared) -> None:
    path = shared[0].root / "keys" / "archive.pem"

    assert path.read_text().count("-----BEGIN PRIVATE KEY-----") == 2
    assert path.stat().st_mode & 0o777 == 0o600
    line = path.with_name("archive.pem.pub").read_text().strip()
    assert line.startswith("mlkem768x25519:")
    assert len(PublicKey.parse(line).raw) == 1216


# --- the processor's key --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> tuple[World, Any]:
    """A run delivered under the first key; then two rotations; then its receipt and its deletion."""
    world = new_world(tmp_path_factory.mktemp("rotated"), laboratory_file)
    world.deliver(world.open_run(), RowCounter())
    deployment = world.deployment()
    early = deployment.log.ledger.checkpoint()
    for name in ("second", "third"):
        signing.new_key("signing", world.root / name)
        rotate(deployment, signing.load_signer(str(world.root / name)), "test")
        deployment = under(world, name)
    run = Run("durand-test", deployment, "test")
    world.ingest(run)
    assert run.confirm(world.landing()) is True
    assert run.delete(world.landing) is True
    (world.root / "early").write_bytes(early)
    return world, deployment


def under(world: World, name: str) -> Any:
    settings = type(world.settings).from_environment(
        world.environment | {"REMIT_SIGNING_KEY": str(world.root / name)}
    )
    return open_deployment(settings, now=world.clock)


def public(world: World, name: str) -> PublicKey:
    first = world.root / "processor" / "keys" / "processor.pem.pub"
    return signing.load_public(first if name == "first" else world.root / f"{name}.pub")


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_the_log_verifies_for_who_knows_any_of_its_keys(rotated, name) -> None:
    world, deployment = rotated
    ledger = deployment.log.ledger
    early = [(world.root / "early").read_bytes(), ledger.checkpoint()]

    assert verify_log(ledger, [public(world, name)], early).size > 10


def test_the_log_does_not_verify_for_a_stranger(rotated, tmp_path) -> None:
    stranger = signing.new_key("signing", tmp_path / "stranger")

    with pytest.raises(EvidenceBroken, match="none of those that were rotated is trusted"):
        verify_log(rotated[1].log.ledger, [stranger])


def test_checkpoint_of_an_old_key_counts_only_for_its_own_time(rotated) -> None:
    """Whoever stole the first key after the rotation cannot sign a newer state with it."""
    world, deployment = rotated
    ledger = deployment.log.ledger
    old = signing.load_signer(str(world.root / "processor" / "keys" / "processor.pem"))
    newest = ledger.checkpoint()
    payload = signing.unverified_payload(newest, "application/vnd.remit.checkpoint+json", "it")
    forged = signing.sign(payload, "application/vnd.remit.checkpoint+json", old)

    with pytest.raises(EvidenceBroken, match="not among the trusted"):
        verify_log(ledger, [public(world, "first")], [forged])


def test_bundle_of_an_old_run_verifies_from_the_key_that_its_instruction_names(rotated) -> None:
    world, deployment = rotated
    bundle = make_bundle(deployment.log.ledger, "durand-test", signer=deployment.log.signer)

    findings = verify_bundle(bundle, world.settings.trust())

    assert "its signing key was rotated 2 times since, each time endorsed" in findings.claims()
    assert any("every copy is deleted" in line for line in findings.claims())
    assert "that no later rotation or revocation was left out" in findings.open_questions()


@pytest.mark.parametrize("change", ["dropped", "reordered", "endorsement"])
def test_bundle_whose_endorsements_were_changed(rotated, change) -> None:
    world, deployment = rotated
    bundle = make_bundle(deployment.log.ledger, "durand-test", signer=deployment.log.signer)

    def edit(fields: dict[str, Any]) -> None:
        if change == "dropped":
            del fields["keys"][1]
        elif change == "reordered":
            fields["keys"].reverse()
        else:
            body = json.loads(fields["keys"][0]["body"])
            other = json.loads(fields["keys"][1]["body"])["data"]["endorsement"]
            body["data"]["endorsement"] = other
            fields["keys"][0]["body"] = json.dumps(body, separators=(",", ":"), sort_keys=True)

    with pytest.raises(EvidenceBroken):
        verify_bundle(edits.with_evidence(bundle, edit), world.settings.trust())


def test_bundle_of_an_old_run_is_checked_without_remit(rotated, tmp_path) -> None:
    world, deployment = rotated
    path, program = tmp_path / "run.remit.zip", tmp_path / "check.py"
    bundle = make_bundle(deployment.log.ledger, "durand-test", signer=deployment.log.signer)
    path.write_bytes(bundle)
    program.write_bytes(archive.unpack(bundle)["check.py"])
    key = world.settings.include / "controllers/durand/keys/controller.pub"
    line = [sys.executable, "-I", "-S", program, path, key]

    assert "VERIFIED" in subprocess.run(line, capture_output=True, text=True, check=True).stdout

    path.write_bytes(edits.with_evidence(bundle, lambda fields: fields["keys"].pop(0)))
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, "NOT VERIFIED" in done.stderr) == (1, True)


@pytest.mark.parametrize("key", ["first", "second"])
def test_statements_are_signed_by_the_key_in_force_alone(rotated, key) -> None:
    world, deployment = rotated
    first = world.root / "processor" / "keys" / "processor.pem"
    path = first if key == "first" else world.root / key

    with pytest.raises(Refused, match="statement-key-differs"):
        make_bundle(deployment.log.ledger, "durand-test", signer=signing.load_signer(str(path)))


def test_new_version_with_the_new_key_runs(rotated) -> None:
    world, deployment = rotated
    first = world.settings.include / "instructions" / "durand.yaml"
    replaced = {"version": 1, "digest": digest_of(first.read_bytes())}

    def edit(fields: dict[str, Any]) -> None:
        fields.update(version=2, supersedes=replaced)
        fields["processor"]["signing_key"] = str(public(world, "third"))

    path = world.controller.instruct(world.parties, "durand-2.yaml", edit)
    run = Run("durand-second", deployment, "test")
    run.open_file(path, world.source().label, str(world.landing_path))

    assert world.deliver(run, RowCounter()).is_dir()


def test_bundle_of_a_run_under_the_next_key_of_its_instruction(rotated) -> None:
    world, deployment = rotated

    def edit(fields: dict[str, Any]) -> None:
        keys = {"signing_key": public(world, "first"), "next_signing_key": public(world, "third")}
        fields["id"] = "under-the-next"
        fields["processor"].update({name: str(key) for name, key in keys.items()})

    path = world.controller.instruct(world.parties, "next.yaml", edit)
    run = Run("durand-next", deployment, "test")
    run.open_file(path, world.source().label, str(world.landing_path))
    bundle = make_bundle(deployment.log.ledger, run.id, signer=deployment.log.signer)

    assert verify_bundle(bundle, world.settings.trust()).run == run.id
    without = edits.with_evidence(bundle, lambda fields: fields["keys"].clear())
    with pytest.raises(EvidenceBroken, match="not among the trusted"):
        verify_bundle(without, world.settings.trust())


def test_a_log_that_is_open_under_the_old_key_notices_its_own_rotation(tmp_path, laboratory_file):
    """What it signed last is remembered as its own; the record of the rotation is not its own."""
    world = new_world(tmp_path, laboratory_file)
    world.open_run()
    log = world.deployment().log
    log.append("noted", "noted", {}, "test", step=None)
    signing.new_key("signing", tmp_path / "next")
    log.rotate(KEYS, endorsed(log, tmp_path / "next"), "test", signer_at(tmp_path / "next"))

    with pytest.raises(Refused, match="signing-key-rotated"):
        log.append("noted", "noted", {}, "test", step=None)


def signer_at(path: Path) -> Any:
    return signing.load_signer(str(path))


def endorsed(log: Any, path: Path) -> Any:
    def make(size: int, at: str) -> dict[str, str]:
        new = signer_at(path)
        envelope = endorse(log.ledger.name, size, log.signer, new, at)
        keys = {"old": str(signing.key_of(log.signer)), "new": str(signing.key_of(new))}
        return {**keys, "endorsement": envelope.decode()}

    return make
