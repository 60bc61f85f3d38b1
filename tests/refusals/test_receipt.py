"""Receipts that confirm nothing: each is one change away from the target's true one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.confirm import PAYLOAD_TYPE
from remit.custody import Run
from remit.evidence import parse_timestamp, timestamp
from remit.testing.world import World

Forge = Callable[..., None]


@pytest.fixture(scope="module")
def true_receipt(delivered: tuple[World, Run]) -> dict[str, Any]:
    """What the target wrote; it is taken away again."""
    world, run = delivered
    world.ingest(run)
    path = world.landing_path / run.id / "receipt.dsse.json"
    envelope = path.read_bytes()
    path.unlink()
    return json.loads(signing.unverified_payload(envelope, PAYLOAD_TYPE, "it"))


def sign(receipt: dict[str, Any], key: Path, payload_type: str = PAYLOAD_TYPE) -> bytes:
    signer = signing.load_signer(str(key))
    return signing.sign(canonical.dumps(receipt), payload_type, signer)


@pytest.fixture
def write(delivered: tuple[World, Run]) -> Iterator[Callable[[bytes], None]]:
    world, run = delivered
    path = world.landing_path / run.id / "receipt.dsse.json"
    yield path.write_bytes
    path.unlink(missing_ok=True)


@pytest.fixture
def confirm(delivered: tuple[World, Run], write: Callable[[bytes], None], refuses: Any) -> Forge:
    """Confirm with an envelope; it must be refused, recorded, and change nothing else."""

    def go(envelope: bytes, at: str, saying: str) -> None:
        world, run = delivered
        write(envelope)
        with refuses(at=at, saying=saying):
            run.confirm(world.landing())
        kinds = {record.kind for record in run.story.records}
        assert run.story.records[-1].kind == "refused"
        assert not kinds & {"confirmed", "stopped", "deleted"}
        assert (world.landing_path / run.id / "results.parquet").exists()

    return go


@pytest.fixture
def forged(delivered: tuple[World, Run], true_receipt: dict[str, Any], confirm: Forge) -> Forge:
    """Confirm with the target's own signature on a changed receipt."""

    def go(edit: Callable[[dict[str, Any]], object], at: str, saying: str) -> None:
        receipt = json.loads(json.dumps(true_receipt))
        edit(receipt)
        confirm(sign(receipt, delivered[0].root / "target" / "receipts.pem"), at, saying)

    return go


def put(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda receipt: receipt.update({field: value})


def in_file(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(receipt: dict[str, Any]) -> None:
        before = receipt["files"][0][field]
        receipt["files"][0][field] = value(before) if callable(value) else value

    return edit


ANOTHER = "it is about another delivery"


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonce", "0" * 64),
        ("run", "durand-other"),
        ("manifest", "sha256:" + "0" * 64),
        ("target", "somebody"),
        ("key_id", "0" * 64),
    ],
)
def test_receipt_with_another(forged, field, value) -> None:
    forged(put(field, value), at=f"receipt field {field}", saying=ANOTHER)


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize("part", [{"id": "x"}, {"version": 2}, {"digest": "sha256:" + "0" * 64}])
def test_receipt_under_another_instruction(forged, part) -> None:
    forged(
        lambda receipt: receipt["instruction"].update(part),
        at="receipt field instruction",
        saying=ANOTHER,
    )


@pytest.mark.vector("receipt-level")
@pytest.mark.parametrize("level", ["L0", "L1", "L2"])
def test_receipt_of_a_lower_level(forged, level) -> None:
    saying = f"it says {level}, the instruction needs L3"
    forged(put("level", level), at="receipt field level", saying=saying)


@pytest.mark.vector("receipt-negative")
@pytest.mark.parametrize("status", ["partial", "rejected"])
def test_receipt_of_a_target_that_did_not_ingest(forged, status) -> None:
    forged(put("status", status), at="receipt field status", saying=f"the target says {status}")


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize(
    ("field", "change"),
    [("received", 1), ("accepted", -1), ("rejected", 1)],
)
def test_receipt_with_other_counts(forged, field, change) -> None:
    edit = in_file(field, lambda rows: rows + change)
    at = "receipt field files.results.parquet.accepted"
    forged(edit, at=at, saying="rows were delivered")


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize(
    ("field", "value"),
    [("columns", "sha256:" + "0" * 64), ("sha256", "sha256:" + "0" * 64), ("size", 4)],
)
def test_receipt_of_another_file(forged, field, value) -> None:
    at = f"receipt field files.results.parquet.{field}"
    forged(in_file(field, value), at=at, saying="it differs from what was delivered")


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize(
    "edit",
    [
        lambda receipt: receipt["files"].pop(),
        lambda receipt: receipt["files"].reverse(),
        lambda receipt: receipt["files"].append(receipt["files"][0]),
        lambda receipt: receipt["files"].clear(),
    ],
    ids=["one missing", "another order", "one twice", "none"],
)
def test_receipt_that_lists_other_files(forged, edit) -> None:
    forged(edit, at="receipt field files", saying="does not list the files of the delivery")


@pytest.mark.vector("receipt-proof")
def test_receipt_without_a_true_proof_of_decryption(forged) -> None:
    at = "receipt field files.results.parquet.proof"
    forged(in_file("proof", "0" * 64), at=at, saying="does not show that the target decrypted")


@pytest.mark.vector("receipt-proof")
def test_proof_of_another_file(forged) -> None:
    def swap(receipt: dict[str, Any]) -> None:
        receipt["files"][0]["proof"] = receipt["files"][1]["proof"]

    at = "receipt field files.results.parquet.proof"
    forged(swap, at=at, saying="does not show that the target decrypted")


@pytest.mark.vector("receipt-proof")
def test_commitment_given_for_the_proof(forged, delivered) -> None:
    # The commitment is in the manifest, for everybody to read: it must not do as a proof.
    commitment = delivered[1].story.last("extracted")["files"][0]["commitment"]
    at = "receipt field files.results.parquet.proof"
    edit = in_file("proof", commitment.removeprefix("sha256:"))
    forged(edit, at=at, saying="does not show that the target decrypted")


def later(by: timedelta) -> Callable[[dict[str, Any]], None]:
    def edit(receipt: dict[str, Any]) -> None:
        for field in ("committed_at", "issued_at"):
            receipt[field] = timestamp(parse_timestamp(receipt[field]) + by)

    return edit


TIMES = {
    "of the future": later(timedelta(hours=1)),
    "of before the delivery": later(-timedelta(hours=1)),
    "issued before it was committed": lambda r: (
        later(timedelta(seconds=9))(r)
        or r.update(issued_at=timestamp(parse_timestamp(r["issued_at"]) - timedelta(seconds=2)))
    ),
}


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize("edit", TIMES.values(), ids=TIMES)
def test_receipt_whose_times_cannot_be(forged, edit) -> None:
    at = "receipt field committed_at or issued_at"
    forged(edit, at=at, saying="do not follow the delivery's")


@pytest.mark.vector("receipt-mismatch")
@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T00:00:00+00:00", ""])
def test_receipt_whose_times_are_none(forged, text) -> None:
    at = "receipt field committed_at or issued_at"
    forged(put("issued_at", text), at=at, saying="not a time in UTC")


@pytest.mark.vector("receipt-invalid")
@pytest.mark.parametrize(
    ("edit", "at"),
    [
        (put("comment", "x"), "comment"),
        (lambda r: r.pop("nonce"), "nonce"),
        (put("files", None), "files"),
        (in_file("received", "7"), "files.0.received"),
        (in_file("received", -7), "files.0.received"),
        (in_file("received", 7.5), "files.0.received"),
        (in_file("received", True), "files.0.received"),
        (in_file("name", "../results.parquet"), "files.0.name"),
        (lambda r: r["files"][0].update(note="x"), "files.0.note"),
        (put("level", "L9"), "level"),
        (put("status", "perhaps"), "status"),
        (put("run", 3), "run"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_receipt_out_of_its_form(forged, edit, at) -> None:
    forged(edit, at=f"the target's receipt, field {at}", saying="missing, unknown or not of its")


@pytest.mark.vector("receipt-invalid")
@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"\xff", b'{"run":NaN}', b""])
def test_receipt_that_is_no_object(delivered, confirm, payload) -> None:
    signer = signing.load_signer(str(delivered[0].root / "target" / "receipts.pem"))
    envelope = signing.sign(payload, PAYLOAD_TYPE, signer)

    at = "the target's receipt, field " + ("receipt" if b"run" in payload else "")
    confirm(envelope, at=at, saying="missing, unknown or not of its")


# --- whose it is ----------------------------------------------------------------------------------

WHERE = "the target's receipt"


@pytest.mark.vector("signer-not-trusted")
@pytest.mark.parametrize("key", ["processor/keys/processor.pem", "controller/controller.pem"])
def test_receipt_signed_by_another_party(delivered, true_receipt, confirm, key) -> None:
    envelope = sign(true_receipt, delivered[0].root / key)

    confirm(envelope, at=WHERE, saying="not among the trusted keys")


@pytest.mark.vector("signature-missing")
def test_receipt_without_a_signature(delivered, true_receipt, confirm) -> None:
    envelope = json.loads(sign(true_receipt, delivered[0].root / "target" / "receipts.pem"))
    envelope["signatures"] = []

    confirm(canonical.dumps(envelope), at=WHERE, saying="0 of 1 signatures")


@pytest.mark.vector("signature-invalid")
def test_receipt_changed_under_its_signature(delivered, true_receipt, confirm) -> None:
    key = delivered[0].root / "target" / "receipts.pem"
    mine, other = json.loads(sign(true_receipt, key)), json.loads(sign({"a": 1}, key))

    envelope = canonical.dumps(mine | {"signatures": other["signatures"]})
    confirm(envelope, at=WHERE, saying="one of the two was changed")


@pytest.mark.vector("envelope-malformed")
def test_receipt_of_another_payload_type(delivered, true_receipt, confirm) -> None:
    key = delivered[0].root / "target" / "receipts.pem"

    confirm(sign(true_receipt, key, "text/json"), at=WHERE, saying="does not hold application/vnd")


@pytest.mark.vector("envelope-malformed")
def test_receipt_without_end(confirm) -> None:
    confirm(b'"' + b"x" * (3 << 20), at=WHERE, saying="not a DSSE envelope")


@pytest.mark.vector("receipt-mismatch")
def test_receipt_of_another_run_replayed(delivered, judge, confirm) -> None:
    world, run = delivered
    other = Run("durand-other", world.deployment(), "test")
    other.open(run.story.instruction_envelope, world.source().label, str(world.landing_path))
    folder = world.deliver(other, judge)
    world.ingest(other)

    confirm((folder / "receipt.dsse.json").read_bytes(), at="receipt field run", saying=ANOTHER)


@pytest.mark.vector("receipt-negative")
def test_refused_receipt_exits_3_and_the_true_one_still_confirms(
    world, up_to, cli, monkeypatch
) -> None:
    run = up_to(world, "deliver")
    world.ingest(run)
    path = world.landing_path / run.id / "receipt.dsse.json"
    envelope = path.read_bytes()
    receipt = json.loads(signing.unverified_payload(envelope, PAYLOAD_TYPE, "it"))
    key = world.root / "target" / "receipts.pem"
    path.write_bytes(sign(receipt | {"status": "partial"}, key))

    cli.refused("confirm", run.id, at="receipt field status", saying="the target says partial")
    path.write_bytes(envelope)
    code, answer = cli("confirm", run.id)

    assert (code, answer["state"]) == (0, "confirmed")
