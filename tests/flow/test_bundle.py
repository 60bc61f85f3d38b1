"""The bundle: what is in it, who can check it, and that no byte of it can say otherwise."""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from remit import canonical, signing
from remit.bundle import FORMAT, archive, make_bundle, statements, verify_bundle
from remit.cli import main
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, EvidenceLog, Fact
from remit.instruction import TrustStore
from remit.ports import Rule, Verdict
from remit.testing.world import World
from remit.wiring import Settings, open_ledger

sys.path.append(str(Path(__file__).parent))
edits = import_module("bundle_edits")

FLIPS = 500
KEPT = Path(__file__).parent / "kept"


class RowCounter:
    """A judge that finds nothing: validation is not the subject here."""

    engine = "a test's judge"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), True) for rule in rules]


class Whole:
    """A run from its opening to its deletion, and its bundle."""

    def __init__(self, root: Path) -> None:
        self.world = world = World(root)
        self.run = run = world.open_run("durand-main")
        world.deliver(run, RowCounter())
        world.ingest(run)
        run.confirm(world.landing())
        world.clock.advance(hours=2)
        run.delete(world.landing)
        self.signer = signing.load_signer(world.settings.signing_key)
        self.trust = world.settings.trust()
        self.controller = world.settings.include / "controllers/durand/keys/controller.pub"
        self.data = self.bundle()
        self.files = archive.unpack(self.data)

    def bundle(self, run: str = "durand-main") -> bytes:
        return make_bundle(open_ledger(self.world.settings), run, signer=self.signer)

    def refuse(self, data: bytes, match: str = ".") -> EvidenceBroken:
        with pytest.raises(EvidenceBroken, match=match) as caught:
            verify_bundle(data, self.trust)
        return caught.value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> Whole:
    root = tmp_path_factory.mktemp("bundle")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    return Whole(root)


# --- what is in it --------------------------------------------------------------------------------


def test_the_same_log_gives_the_same_bytes(whole) -> None:
    assert whole.bundle() == whole.bundle()


def test_documents_can_be_opened_by_a_person(whole) -> None:
    story, files = whole.run.story, whole.files
    instruction = whole.world.settings.include / "instructions" / "durand.yaml"

    assert files["documents/00000-opened.instruction.yaml"] == instruction.read_bytes()
    assert files["documents/00000-opened.instruction.dsse.json"] == story.instruction_envelope
    plan, report = (
        json.loads(files[f"documents/{name}.json"]) for name in ("00001-planned", "00004-validated")
    )
    assert plan == story.last("planned")
    assert report == story.last("validated")
    assert files["documents/00005-sealing.manifest.dsse.json"] == story.manifest_envelope
    for name in ("00009-confirmed.receipt", "00011-deleted.certificate"):
        envelope = json.loads(files[f"documents/{name}.dsse.json"])
        readable = json.loads(files[f"documents/{name}.json"])
        assert json.loads(base64.b64decode(envelope["payload"])) == readable
        assert readable["run"] == "durand-main"


def test_keys_are_there_for_remit_and_for_openssl(whole) -> None:
    terms, files = whole.run.instruction().terms, whole.files

    [processor], target = terms.processor.signing_keys, terms.target
    assert files["keys/processor-1.pub"].decode().strip() == str(processor)
    pem = serialization.load_pem_public_key(files["keys/processor-1.pem"])
    assert pem.public_bytes_raw() == processor.raw
    assert files["keys/recipient-kalisil-1.pub"].decode().strip() == str(target.keys[0])
    assert files["keys/receipt-kalisil-1.pub"].decode().strip() == str(target.receipt_keys[0])
    controller = signing.load_public(whole.controller)
    assert json.loads(files["keys/controllers.json"]) == {
        "controllers": ["durand"],
        "signed_by": [controller.key_id],
    }
    assert str(controller).encode() not in b"".join(
        data for name, data in files.items() if name.startswith("keys/")
    )


def test_each_file_is_told_in_the_readme(whole) -> None:
    text = whole.files["README.md"].decode()

    for name in whole.files:
        if not name.startswith(("keys/", "statements/")):
            assert f"`{name}`" in text or name == "README.md"
    assert "Evidence of run `durand-main`" in text
    assert "| `deleted` | 1 |" in text
    assert "7, one for each step that was done" in text
    assert "{" not in text  # no place of the template is left


def test_statements_are_read_by_the_in_toto_library(whole) -> None:
    story, found = whole.run.story, {}
    for name in sorted(n for n in whole.files if n.startswith("statements/")):
        envelope = json.loads(whole.files[name])
        assert envelope["payloadType"] == "application/vnd.in-toto+json"
        fields = json.loads(base64.b64decode(envelope["payload"]))
        Statement.copy_from_pb(ParseDict(fields, StatementMessage())).validate()
        found[fields["predicate"]["step"]] = fields

    assert list(found) == ["plan", "extract", "validate", "seal", "deliver", "confirm", "delete"]
    digest = story.last("opened")["instruction"]["digest"].removeprefix("sha256:")
    for fields in found.values():
        [source] = fields["predicate"]["resolvedDependencies"]
        assert source["digest"] == {"sha256": digest}
    files = story.last("extracted")["files"]
    manifest = {"sha256": canonical.sha256(story.manifest_envelope).removeprefix("sha256:")}
    extracted = [{"name": f["name"], "digest": {"sha256": f["sha256"][7:]}} for f in files]
    assert found["extract"]["subject"] == found["validate"]["subject"] == extracted
    assert {"name": "manifest.dsse.json", "digest": manifest} in found["seal"]["subject"]
    assert {"name": "manifest.dsse.json", "digest": manifest} in found["deliver"]["subject"]


def test_record_of_a_kind_that_nobody_knows_yet(whole) -> None:
    """Other parts of remit add kinds; a bundle has them, whatever they are called."""
    told = {"person": "Camille Moreau", "answer": "approve", "note": "`|<script>"}
    kinds = {"approved": told, "../../etc/passwd": told, "noted": None, "listed": ["a"]}
    run = whole.world.open_run("durand-new")
    for kind, data in kinds.items():
        whole.world.deployment().log.append(run.id, kind, data, "me", step=None)
    bundle = whole.bundle(run.id)

    files = archive.unpack(bundle)
    assert verify_bundle(bundle, whole.trust).records[-1].kind == "listed"
    assert json.loads(files["documents/00001-approved.json"]) == told
    assert json.loads(files["documents/00002-other.json"]) == told


def test_thousands_of_pieces_are_one_file_and_not_thousands(whole) -> None:
    run = whole.world.open_run("durand-pieces")
    facts = [Fact(run.id, "piece", {"number": number}, None) for number in range(101)]
    whole.world.deployment().log.append_all(facts, "me")
    bundle = whole.bundle(run.id)

    files = archive.unpack(bundle)
    assert verify_bundle(bundle, whole.trust).run == run.id
    assert not [name for name in files if "piece" in name]
    assert "| `piece` | 101 |" in files["README.md"].decode()


# --- who can check it -----------------------------------------------------------------------------


def test_each_claim_says_how_it_follows_from_the_controllers_key(whole) -> None:
    findings = verify_bundle(whole.data, whole.trust)

    claims = {finding.claim: finding.why for finding in findings.proved}
    controller = signing.load_public(whole.controller).key_id[:16]
    processor = signing.key_of(whole.signer).key_id[:16]
    reasons = "\n".join(claims.values())
    assert next(iter(claims)) == "controller durand signed instruction durand-2026 version 1"
    assert f"signed with {controller}…, which you trust" in reasons
    assert f"the instruction names the processor's key {processor}…" in reasons
    assert "the 7 in-toto statements say what the records say" in claims
    assert all(finding.why for finding in (*findings.proved, *findings.not_proved))
    assert "that what the processor recorded is all that it did" in findings.open_questions()


def test_without_the_processors_key_there_are_no_statements_and_it_is_said(whole) -> None:
    data = make_bundle(open_ledger(whole.world.settings), "durand-main", signer=None)
    files = archive.unpack(data)

    findings = verify_bundle(data, whole.trust)

    assert not [name for name in files if name.startswith("statements/")]
    assert "made without the processor's signing key" in files["README.md"].decode()
    assert "what in-toto statements would say in that form" in findings.open_questions()
    assert any("certified" in claim for claim in findings.claims())


def checked(folder: Path, bundle: bytes, *keys: Path) -> subprocess.CompletedProcess[str]:
    """Run the bundle's own program with a bare Python, which has no package but its own."""
    path = folder / "run.remit.zip"
    path.write_bytes(bundle)
    with zipfile.ZipFile(path) as files:
        program = Path(files.extract("check.py", folder))
    line = [sys.executable, "-I", "-S", program, path, *keys]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder)


def test_a_stranger_checks_it_with_python_and_openssl_alone(whole, tmp_path) -> None:
    pem = tmp_path / "controller.pem"
    pem.write_bytes(signing.load_public(whole.controller).pem() or b"")

    for key in (whole.controller, pem):
        done = checked(tmp_path, whole.data, key)

        assert (done.returncode, done.stderr) == (0, "")
        assert "VERIFIED: these 12 records of run durand-main" in done.stdout
        for document in ("manifest", "receipt", "certificate"):
            assert f"{document}: signed by whom the instruction names" in done.stdout


def _edit(index: int, **changed: Any) -> Callable[[dict[str, Any]], None]:
    def edit(fields: dict[str, Any]) -> None:
        record = json.loads(fields["records"][index]["body"]) | changed
        fields["records"][index]["body"] = canonical.dumps(record).decode()

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_edit(3, by="somebody"), "not in the log"),
        (lambda f: f["records"].pop(4), "missing or moved"),
        (lambda f: f["records"][3]["proof"].pop(), "not in the log"),
        (lambda f: f["records"][3]["proof"].extend(["00" * 32] * 9), "too long"),
        (lambda f: f.update(checkpoint=f["checkpoint"].replace("sig\":\"", "sig\":\"AAAA")), "false"),
    ],
)  # fmt: skip
def test_the_strangers_check_refuses_what_was_changed(whole, tmp_path, edit, said) -> None:
    done = checked(tmp_path, edits.with_evidence(whole.data, edit), whole.controller)

    assert done.returncode == 1
    assert "NOT VERIFIED" in done.stderr
    assert said in done.stderr


def test_the_strangers_check_asks_for_the_controllers_key(whole, tmp_path) -> None:
    signing.new_key("signing", tmp_path / "other")

    done = checked(tmp_path, whole.data, tmp_path / "other.pub")

    assert "NOT VERIFIED: the instruction is not signed by whom it should be" in done.stderr


@pytest.mark.parametrize("form", ["folder", "file", "pem"])
def test_the_controllers_key_in_any_form_suffices(whole, tmp_path, monkeypatch, capsys, form):
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "nothing"))
    path, trust = tmp_path / "run.remit.zip", whole.controller
    path.write_bytes(whole.data)
    if form == "folder":
        trust = whole.controller.parent
    elif form == "pem":
        trust = tmp_path / "controller.pem"
        trust.write_bytes(signing.load_public(whole.controller).pem() or b"")

    assert main(["evidence", "verify", str(path), "--trust", str(trust)]) == 0
    text = capsys.readouterr().out
    assert "  proved: controller durand signed instruction durand-2026 version 1.\n" in text
    assert "      why: its text, sha256:" in text
    assert main(["evidence", "verify", str(path), "--trust", str(trust), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert {"claim", "why"} == fields["proved"][0].keys() == fields["not_proved"][0].keys()
    assert not (tmp_path / "nothing").exists()


def test_bundle_of_an_untrusted_controller(whole, tmp_path) -> None:
    with pytest.raises(Refused, match="controller-unknown"):
        verify_bundle(whole.data, TrustStore(tmp_path))


def test_export_without_the_key_says_what_to_do(whole, tmp_path, monkeypatch, capsys) -> None:
    for name, value in whole.world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(tmp_path / "nowhere.pem"))
    out = tmp_path / "run.remit.zip"
    command = ["evidence", "export", "durand-main", "--out", str(out)]

    assert main(command) == 2
    assert "--without-statements leaves these out" in capsys.readouterr().err
    assert not out.exists()
    assert main([*command, "--without-statements"]) == 0
    assert verify_bundle(out.read_bytes(), whole.trust).run == "durand-main"


def test_a_checkpoint_kept_elsewhere_is_compared(whole, tmp_path) -> None:
    own = whole.files["evidence/checkpoint.dsse.json"]
    manifest = json.loads(whole.files["documents/00005-sealing.manifest.json"])
    delivered, later = manifest["checkpoint"].encode(), open_ledger(whole.world.settings)
    other = forged(whole, tmp_path, lambda kind, data: data)[0].checkpoint()

    for kept in (own, delivered):
        claims = verify_bundle(whole.data, whole.trust, [kept]).claims()
        assert any("the log is the one of your checkpoint" in claim for claim in claims)
    whole.world.deployment().log.append("noted", "noted", {}, "me", step=None)
    findings = verify_bundle(whole.data, whole.trust, [later.checkpoint() or b""])
    assert any("that the log is the one of your" in claim for claim in findings.open_questions())

    for kept, said in ((other, "another log's"), (rooted(whole, own), "rewritten"),
                       (rooted(whole, delivered), "rewritten"), (b"{}", "well formed")):  # fmt: skip
        with pytest.raises(EvidenceBroken, match=said):
            verify_bundle(whole.data, whole.trust, [kept])


def rooted(whole: Whole, envelope: bytes) -> bytes:
    """A checkpoint of the same size over another history, which the processor signed too."""
    said = Checkpoint.unverified(envelope, "it")
    return Checkpoint(said.log, said.size, "00" * 32, said.at).sign(whole.signer)


def test_the_log_grew_out_of_the_one_that_the_target_knows(whole) -> None:
    claims = verify_bundle(whole.data, whole.trust).claims()
    assert any(claim.startswith("the log grew out of the one of 6 records") for claim in claims)

    [proof] = whole.files["evidence/consistency.proof"].decode().splitlines()
    for changed in ("", proof[:64], f"{proof} {'00' * 32}", "00" * 32):
        files = {"evidence/consistency.proof": f"{changed}\n".encode()}
        anew = edits.with_files(whole.data, lambda f, c=files: f.update(c))
        whole.refuse(anew, "the log was rewritten since its manifest was signed")


def test_a_log_that_was_rewritten_after_the_delivery(whole, tmp_path) -> None:
    """The processor signs another history, and puts the delivered manifest into it."""
    ledger, _ = forged(whole, tmp_path, lambda kind, data: data)

    bundle = make_bundle(ledger, "durand-main", signer=whole.signer)

    assert whole.refuse(bundle, "a checkpoint of another log").where.startswith("record ")


def test_bundle_that_was_kept_still_verifies() -> None:
    """The form is fixed: whoever changes what follows from the evidence makes another form of it."""
    bundle = (KEPT / f"{FORMAT}.remit.zip").read_bytes()

    findings = verify_bundle(bundle, TrustStore(KEPT / "controller.pub", flat=True))

    assert findings.run == "durand-kept"
    assert any("7 in-toto statements" in claim for claim in findings.claims())
    assert "its signing key was rotated once since, each time endorsed" in findings.claims()


# --- no byte of it can say otherwise --------------------------------------------------------------


def test_bundle_with_one_bit_changed(whole) -> None:
    chance, accepted = random.Random(2022), []
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(whole.data)), chance.randrange(8)
        changed = bytearray(whole.data)
        changed[place] ^= 1 << bit
        try:
            verify_bundle(bytes(changed), whole.trust)
        except (EvidenceBroken, Refused):
            continue
        accepted.append((place, bit))

    assert accepted == []


def test_every_byte_of_what_is_no_files_content_counts(whole) -> None:
    """Headers, directory and end: one bit of each byte."""
    content, place = set[int](), 0
    with zipfile.ZipFile(io.BytesIO(whole.data)) as archived:
        for entry in archived.infolist():
            place = entry.header_offset + 30 + len(entry.filename)
            content.update(range(place, place + entry.file_size))
    form = [at for at in range(len(whole.data)) if at not in content]
    assert len(form) > 2000
    for at in form:
        changed = bytearray(whole.data)
        changed[at] ^= 1 << at % 8
        with pytest.raises(EvidenceBroken):
            archive.unpack(bytes(changed))


def test_bundle_that_was_cut_short_or_lengthened(whole) -> None:
    for length in (0, 1, 22, len(whole.data) // 2, len(whole.data) - 1):
        whole.refuse(whole.data[:length], "not a whole ZIP file")
    for data in (whole.data + b"x", b"x" + whole.data, whole.data + whole.data):
        whole.refuse(data, "was changed")


def test_every_file_counts(whole) -> None:
    for name in whole.files:
        changed = edits.with_files(whole.data, lambda f, n=name: f.update({n: f[n] + b" "}))
        whole.refuse(changed)
        whole.refuse(edits.with_files(whole.data, lambda f, n=name: f.pop(n)))


FILES = {
    "README changed": (
        lambda f: f.update({"README.md": f["README.md"].replace(b"not prove", b"prove")}),
        r"README\.md: it says something else",
    ),
    "checker changed": (
        lambda f: f.update({"check.py": b"print('VERIFIED')\n"}),
        r"check\.py: it says something else",
    ),
    "document changed": (
        lambda f: f.update({"documents/00004-validated.json": b"{}\n"}),
        "00004-validated.json: it says something else",
    ),
    "key changed": (
        lambda f: f.update({"keys/processor-1.pub": b"ed25519:AAAA\n"}),
        r"keys/processor-1\.pub: it says something else",
    ),
    "file added": (
        lambda f: f.update({"documents/99999-approved.json": b"{}\n"}),
        "99999-approved.json: the bundle of these records has no such file",
    ),
    "file missing": (lambda f: f.pop("keys/processor-1.pem"), r"processor-1\.pem: it is missing"),
    "evidence missing": (lambda f: f.pop("evidence/records.proofs"), "no longer well formed"),
    "statement missing": (lambda f: f.pop("statements/4-seal.dsse.json"), "statements are missing"),
    "statement added": (
        lambda f: f.update({"statements/8-more.dsse.json": f["statements/4-seal.dsse.json"]}),
        "of steps that were not done",
    ),
    "statement of another step": (
        lambda f: f.update({"statements/1-plan.dsse.json": f["statements/4-seal.dsse.json"]}),
        "something else than the records",
    ),
    "statement that is none": (
        lambda f: f.update({"statements/1-plan.dsse.json": b"{}"}),
        "1-plan.dsse.json: it is not a DSSE envelope",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "said"), FILES.values(), ids=FILES)
def test_file_of_the_bundle_changed(whole, edit, said) -> None:
    whole.refuse(edits.with_files(whole.data, edit), said)


def test_statements_taken_out_coherently_are_missed_and_nothing_else(whole) -> None:
    stripped = edits.with_files(
        whole.data, lambda f: [f.pop(n) for n in list(f) if n.startswith("statements/")]
    )
    whole.refuse(stripped, r"README\.md")

    findings = verify_bundle(edits.made_anew(stripped, lambda _: None), whole.trust)

    assert "what in-toto statements would say in that form" in findings.open_questions()


@pytest.mark.parametrize("key", ["stranger", "controller", "target"])
def test_statement_signed_by_another(whole, tmp_path, key) -> None:
    signing.new_key("signing", tmp_path / "stranger")
    root = whole.world.root
    paths = {
        "controller": root / "controller/controller.pem",
        "target": root / "target/receipts.pem",
    }
    signer = signing.load_signer(str(paths.get(key, tmp_path / "stranger")))
    name = "statements/7-delete.dsse.json"
    payload = base64.b64decode(json.loads(whole.files[name])["payload"])
    forged = signing.sign(payload, statements.PAYLOAD_TYPE, signer)
    also = signing.sign(payload, statements.PAYLOAD_TYPE, signer, onto=whole.files[name])

    for envelope in (forged, also):
        changed = edits.with_files(whole.data, lambda f, e=envelope: f.update({name: e}))
        whole.refuse(changed, "not among the trusted keys")


def test_statement_of_another_run(whole) -> None:
    other = whole.world.open_run("durand-other")
    other.plan(whole.world.source(), whole.world.landing(), RowCounter())
    name = "statements/1-plan.dsse.json"
    theirs = archive.unpack(whole.bundle(other.id))[name]

    whole.refuse(
        edits.with_files(whole.data, lambda f: f.update({name: theirs})),
        "something else than the records",
    )


# --- the ZIP file ---------------------------------------------------------------------------------


def zipped(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a name twice
        with zipfile.ZipFile(buffer, "w", method) as archived:
            for name, data in entries:
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                entry.compress_type = method
                archived.writestr(entry, data)
    return buffer.getvalue()


def test_what_pack_makes_is_a_zip_file_like_any_other(whole) -> None:
    assert zipped(sorted(whole.files.items())) == whole.data


def test_archive_in_another_form(whole) -> None:
    entries = sorted(whole.files.items())
    readme = dict(entries)["README.md"]

    whole.refuse(zipped(list(reversed(entries))), "not in the one form")
    whole.refuse(zipped([*entries, ("README.md", b"another")]), "two files of one name")
    whole.refuse(zipped([("README.md", readme), *entries]), "two files of one name")
    whole.refuse(zipped(entries, zipfile.ZIP_DEFLATED), "is compressed")


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../b", "a//b", "a\\b", "C:x", ".hidden", "a/.b", "é", "a/", "x" * 300,
     "a/b/c/d/e", "a b"],
)  # fmt: skip
def test_archive_with_a_name_that_no_bundle_has(whole, name) -> None:
    entries = [*whole.files.items(), (name, b"x")]
    whole.refuse(zipped(sorted(entries)))
    whole.refuse(zipped(entries))


def test_archive_that_would_be_much_larger_than_it_is(whole) -> None:
    bomb = zipped([("evidence/records.jsonl", b"0" * 50_000_000)], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    whole.refuse(bomb, "is compressed")

    # The same bytes named again and again, as in archives that overlap themselves.
    one = b"0" * 100_000
    local = zipped([("a", one)])
    start = local.index(b"PK\x01\x02")
    entry = local[start : local.index(b"PK\x05\x06")]
    entries = b"".join(entry[:-1] + bytes([97 + n % 26]) for n in range(26))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 26, 26, len(entries), start, 0)
    whole.refuse(local[:start] + entries + end)


def test_archive_that_is_too_large_is_not_read(whole, monkeypatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 1000)

    whole.refuse(whole.data, "larger than")


def test_archive_that_is_encrypted(whole) -> None:
    changed = bytearray(whole.data)
    changed[6] |= 1
    changed[whole.data.index(b"PK\x01\x02") + 8] |= 1

    whole.refuse(bytes(changed), "encrypted")


def test_archive_with_a_directory_that_says_otherwise_than_its_entries(whole) -> None:
    changed = bytearray(whole.data)
    at = changed.index(b"README.md")
    changed[at : at + 9] = b"README.mb"

    whole.refuse(bytes(changed))


def test_archive_with_a_comment_or_extra_field(whole) -> None:
    end = whole.data[:-2] + struct.pack("<H", 4) + b"note"

    whole.refuse(end, "not in the one form")


def test_archive_whose_checksum_is_anothers(whole) -> None:
    changed = bytearray(whole.data)
    crc = struct.pack("<L", zlib.crc32(whole.files["README.md"]))
    for _ in range(2):
        at = changed.index(crc)
        changed[at : at + 4] = b"\0\0\0\0"

    whole.refuse(bytes(changed), "not a whole ZIP file")


@pytest.mark.parametrize("data", [b"", b"{}", b"PK\x05\x06" + bytes(18), b"\xff" * 100])
def test_bundle_that_is_none(whole, data) -> None:
    whole.refuse(data)


# --- the evidence in it ---------------------------------------------------------------------------


def _swap(fields: dict[str, Any], a: int, b: int) -> None:
    fields["records"][a], fields["records"][b] = fields["records"][b], fields["records"][a]


def _swap_proofs(fields: dict[str, Any]) -> None:
    one, other = fields["records"][3], fields["records"][4]
    one["proof"], other["proof"] = other["proof"], one["proof"]


EVIDENCE = {
    "first record dropped": lambda f: f["records"].pop(0),
    "record dropped": lambda f: f["records"].pop(4),
    "all records dropped": lambda f: f["records"].clear(),
    "two records reordered": lambda f: _swap(f, 3, 4),
    "record twice": lambda f: f["records"].insert(3, f["records"][3]),
    "proofs swapped": _swap_proofs,
    "proof cut short": lambda f: f["records"][3]["proof"].pop(),
    "proof too long": lambda f: f["records"][3]["proof"].append("00" * 32),
    "proof endless": lambda f: f["records"][3]["proof"].extend(["00" * 32] * 100),
    "proof in capitals": lambda f: f["records"][3].update(
        proof=[node.upper() for node in f["records"][3]["proof"]]
    ),
    "no proof": lambda f: f["records"][3].update(proof=[]),
    "another run": lambda f: f["head"].update(run="durand-other"),
    "another format": lambda f: f["head"].update(format="remit-bundle-1"),
    "unknown field": lambda f: f["head"].update(comment="x"),
    "no checkpoint": lambda f: f.update(checkpoint=""),
    "body is none": lambda f: f["records"][0].update(body="1"),
    "body is a list": lambda f: f["records"][0].update(body="[]"),
    "body is spelt otherwise": lambda f: f["records"][0].update(body=f["records"][0]["body"] + " "),
    "body nested too deep": lambda f: f["records"][0].update(body="[" * 100_000),
    "proof is no node": lambda f: f["records"][0].update(proof=["00"]),
    "another time": _edit(3, at="2026-01-01T00:00:00Z"),
    "another place": _edit(3, seq=0),
    "a place before the first": _edit(3, seq=-1),
    "a place after the last": _edit(3, seq=10**6),
    "a place that is none": _edit(3, seq="3"),
    "another step": _edit(3, step=4),
    "data that is none": _edit(0, data=None),
    "data that is a list": _edit(0, data=[]),
    "another kind": _edit(0, kind="planned"),
    "an unknown field in a record": _edit(3, comment="x"),
}


@pytest.mark.parametrize("edit", EVIDENCE.values(), ids=EVIDENCE)
def test_evidence_changed(whole, edit) -> None:
    whole.refuse(edits.with_evidence(whole.data, edit))


def test_checkpoint_of_another_key(whole, tmp_path) -> None:
    signing.new_key("signing", tmp_path / "stranger")
    envelope = json.loads(whole.files["evidence/checkpoint.dsse.json"])
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    forged = signing.sign(payload, kind, signing.load_signer(str(tmp_path / "stranger")))

    changed = edits.with_evidence(whole.data, lambda f: f.update(checkpoint=forged.decode()))

    whole.refuse(changed, "not among the trusted keys")


def test_bundle_without_its_last_record_says_what_it_does_not_prove(whole) -> None:
    """Whoever leaves out the end needs no key for it, and gains what the findings say."""
    short = edits.made_anew(whole.data, lambda f: f["records"].pop())

    findings = verify_bundle(short, whole.trust)

    assert "the run has not ended: deletion is not in here" in findings.open_questions()
    assert not any("certified" in claim for claim in findings.claims())


def forged(
    whole: Whole, folder: Path, change: Callable[[str, Any], Any]
) -> tuple[Any, EvidenceLog]:
    """The run's records in another log that the processor signed, each changed as said."""
    settings = Settings.from_environment({"REMIT_HOME": str(folder / "forged")})
    ledger = open_ledger(settings, create=True)
    log = EvidenceLog(ledger, whole.signer, whole.world.clock)
    for step, record in enumerate(whole.run.story.records):
        log.append(record.run, record.kind, change(record.kind, record.data), record.by, step=step)
    return ledger, log


DOCUMENTS = {"sealing": "manifest", "confirmed": "receipt", "deleted": "certificate"}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_document_changed_in_a_log_that_the_processor_signed_anew(whole, tmp_path, kind) -> None:
    """The processor can sign its log again, but not the controller's and the target's words."""
    field = DOCUMENTS[kind]

    def change(found: str, data: Any) -> Any:
        if found != kind:
            return data
        return data | {field: data[field].replace("A", "B", 1)}

    ledger, _ = forged(whole, tmp_path, change)
    broken = whole.refuse(make_bundle(ledger, "durand-main", signer=whole.signer))
    assert broken.where.startswith("record ")


@pytest.mark.parametrize(("said", "without"), [("manifest", "deleted"), ("certificate", "sealing")])
def test_what_another_run_has_to_show_proves_nothing_of_this_one(
    whole, tmp_path, said, without
) -> None:
    """All of it is rightly signed, by controller, processor and target, in one log."""
    home = tmp_path / "processor"
    shutil.copytree(whole.world.root / "processor", home)
    ledger = open_ledger(Settings.from_environment({"REMIT_HOME": str(home)}))
    log = EvidenceLog(ledger, whole.signer, whole.world.clock)
    kept = [one for one in whole.run.story.records if one.kind != without]
    for step, record in enumerate(kept):
        log.append("durand-copy", record.kind, record.data, record.by, step=step)

    bundle = make_bundle(ledger, "durand-copy", signer=whole.signer)

    whole.refuse(bundle, f"the {said} is another run's")


# --- through the command line ---------------------------------------------------------------------


def test_tampered_bundle_exits_5_and_says_where(whole, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "elsewhere"))
    trust, path = str(whole.controller), tmp_path / "run.remit.zip"
    path.write_bytes(edits.with_evidence(whole.data, _edit(3, by="somebody")))

    assert main(["evidence", "verify", str(path), "--trust", trust]) == 5
    assert "evidence broken at record 4" in capsys.readouterr().err

    path.write_bytes(edits.with_files(whole.data, FILES["README changed"][0]))
    assert main(["evidence", "verify", str(path), "--trust", trust, "--json"]) == 5
    assert "evidence broken at README.md" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_key_of_a_processor_is_no_argument_for_a_bundle(whole, tmp_path, capsys) -> None:
    path = tmp_path / "run.remit.zip"
    path.write_bytes(whole.data)
    key = str(whole.controller)

    assert main(["evidence", "verify", str(path), "--key", key]) == 2
    assert "--key goes with --all" in capsys.readouterr().err
