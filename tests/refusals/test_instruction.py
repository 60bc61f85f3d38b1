"""What is refused before an instruction binds: its signature, its form, its time."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.cli import main
from remit.errors import Refused, UsageError
from remit.evidence import timestamp
from remit.instruction import PAYLOAD_TYPE, envelope_path, parse, read_signed, verify
from remit.instruction.fields import WHOLE
from remit.testing.answers import AUDIT, RECOUNT, SUBMIT
from remit.testing.world import World

SIGNATURE = "the instruction's signature"


@pytest.fixture
def check(world: World) -> Callable[[bytes], object]:
    return lambda envelope: verify(envelope, world.settings.trust(), world.clock())


@pytest.fixture
def envelope(world: World) -> dict[str, Any]:
    return json.loads(envelope_path(world.instruct()).read_bytes())


def stranger(folder: Path) -> Any:
    signing.new_key("signing", folder / "stranger.pem")
    return signing.load_signer(str(folder / "stranger.pem"))


def controllers_signer(world: World) -> Any:
    return signing.load_signer(str(world.root / "controller" / "controller.pem"))


# --- the signature ------------------------------------------------------------------------------


@pytest.mark.vector("instruction-unsigned")
def test_unsigned(world, cli, left_nothing) -> None:
    path = world.instruct()
    envelope_path(path).unlink()

    cli.refused("instruction", "verify", path, at=str(path), saying="no signature beside it")
    arguments = ("--source", world.source_url, "--landing", world.landing_path)
    cli.refused("run", path, *arguments, at=str(path), saying="no signature beside it")
    left_nothing(world)


@pytest.mark.vector("instruction-changed")
def test_changed_after_signing(world, cli) -> None:
    path = world.instruct()
    path.write_text(path.read_text().replace("maximum: 50000", "maximum: 50001"))

    cli.refused("instruction", "verify", path, at=str(path), saying="not the one that was signed")


@pytest.mark.vector("signer-not-trusted")
def test_instruction_signed_by_a_stranger(world, cli) -> None:
    path = world.instruct()
    signed = signing.sign(path.read_bytes(), PAYLOAD_TYPE, stranger(world.root))
    envelope_path(path).write_bytes(signed)

    cli.refused("instruction", "verify", path, at=SIGNATURE, saying="not among the trusted keys")


@pytest.mark.vector("signer-not-trusted")
def test_extra_signature_by_an_unknown_key(world, check, refuses) -> None:
    path = world.instruct()
    ours = envelope_path(path).read_bytes()

    with refuses(at=SIGNATURE, saying="not among the trusted keys"):
        check(signing.sign(path.read_bytes(), PAYLOAD_TYPE, stranger(world.root), onto=ours))


@pytest.mark.vector("signer-not-trusted")
def test_signed_by_the_processor_itself(world, check, refuses) -> None:
    signer = signing.load_signer(world.settings.signing_key)

    with refuses(at=SIGNATURE, saying="not among the trusted keys"):
        check(signing.sign(world.instruct().read_bytes(), PAYLOAD_TYPE, signer))


@pytest.mark.vector("signature-invalid")
def test_signature_of_another_text(world, check, refuses, envelope) -> None:
    text = base64.b64decode(envelope["payload"]).replace(b"LYO1", b"PAR1")
    envelope["payload"] = base64.b64encode(text).decode()

    with refuses(at=SIGNATURE, saying="one of the two was changed"):
        check(canonical.dumps(envelope))


@pytest.mark.vector("signature-missing")
def test_empty_list_of_signatures(check, refuses, envelope) -> None:
    envelope["signatures"] = []

    with refuses(at=SIGNATURE, saying="0 of 1 signatures"):
        check(canonical.dumps(envelope))


@pytest.mark.vector("signature-missing")
def test_one_signature_where_two_are_needed(world, refuses) -> None:
    signed = read_signed(world.instruct())
    key = signing.key_of(controllers_signer(world))

    with refuses(at="there", saying="1 of 2 signatures"):
        signing.open_envelope(signed, PAYLOAD_TYPE, [key], "there", threshold=2)


def _spare_bits(envelope: dict[str, Any]) -> bytes:
    # 64 bytes leave four spare bits in the last character before the padding.
    signature = envelope["signatures"][0]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    assert signature["sig"].endswith("==")
    last = digits[digits.index(signature["sig"][-3]) + 1]
    respelled = signature["sig"][:-3] + last + "=="
    assert base64.b64decode(respelled) == base64.b64decode(signature["sig"])
    signature["sig"] = respelled
    return canonical.dumps(envelope)


def _twice(envelope: dict[str, Any]) -> bytes:
    envelope["signatures"] *= 2
    return canonical.dumps(envelope)


def _unknown_field(envelope: dict[str, Any]) -> bytes:
    return canonical.dumps(envelope | {"comment": "x"})


def _in_signature(envelope: dict[str, Any]) -> bytes:
    envelope["signatures"][0]["comment"] = "x"
    return canonical.dumps(envelope)


MALFORMED = {
    "base64 spare bits": _spare_bits,
    "two signatures of one key": _twice,
    "unknown field": _unknown_field,
    "whitespace": lambda envelope: json.dumps(envelope, sort_keys=True).encode(),
    "newline at the end": lambda envelope: canonical.dumps(envelope) + b"\n",
    "cut short": lambda envelope: canonical.dumps(envelope)[:-10],
    "empty": lambda envelope: b"",
    "NaN": lambda envelope: canonical.dumps(envelope).replace(b'"signatures"', b'"a":NaN,"s"'),
    "only NaN": lambda envelope: b"NaN",
    "a list": lambda envelope: canonical.dumps([envelope]),
    "signatures as an object": lambda envelope: canonical.dumps(envelope | {"signatures": {}}),
    "payload as a number": lambda envelope: canonical.dumps(envelope | {"payload": 1}),
    "no key id": lambda envelope: canonical.dumps(envelope | {"signatures": [{"sig": "AA=="}]}),
    "null": lambda envelope: b"null",
    "duplicate key": lambda envelope: canonical.dumps(envelope).replace(b"{", b'{"payload":"",', 1),
}


@pytest.mark.vector("envelope-malformed")
@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED)
def test_envelope_that_is_not_in_its_one_form(check, refuses, envelope, spoil) -> None:
    with refuses(at=SIGNATURE, saying="not a DSSE envelope in canonical form"):
        check(spoil(envelope))


@pytest.mark.vector("envelope-malformed")
def test_field_added_inside_a_signature(check, refuses, envelope) -> None:
    with refuses(at=SIGNATURE, saying="not a DSSE envelope in canonical form"):
        check(_in_signature(envelope))


@pytest.mark.vector("envelope-malformed")
def test_deeply_nested_envelope(check, refuses) -> None:
    for depth in (500, 900, 980, 5_000, 100_000):
        with refuses(at=SIGNATURE, saying="not a DSSE envelope in canonical form"):
            check(b"[" * depth + b"]" * depth)


@pytest.mark.vector("envelope-malformed")
def test_wrong_payload_type(world, check, refuses) -> None:
    signed = signing.sign(
        world.instruct().read_bytes(), "application/json", controllers_signer(world)
    )

    with refuses(at=SIGNATURE, saying="does not hold application/vnd.remit.instruction+yaml"):
        check(signed)


@pytest.mark.vector("controller-unknown")
def test_controller_without_a_trusted_key(world, cli) -> None:
    path = world.instruct()
    shutil.rmtree(world.root / "include" / "controllers" / "durand")

    at = "controller durand"
    cli.refused("instruction", "verify", path, at=at, saying="no trusted key")


def test_key_that_is_withdrawn_after_the_instruction_was_verified(world) -> None:
    envelope, trust = read_signed(world.instruct()), world.settings.trust()
    verify(envelope, trust, world.clock())
    for path in (world.settings.include / "controllers").rglob("*.pub"):
        path.unlink()

    with pytest.raises(Refused, match="controller-unknown"):
        verify(envelope, trust, world.clock())


@pytest.mark.vector("controller-unknown")
def test_controller_whose_only_trusted_key_cannot_sign(world, check, refuses) -> None:
    signed = read_signed(world.instruct())
    [trusted] = (world.root / "include/controllers/durand/keys").iterdir()
    trusted.write_text(world.parties.target)

    with refuses(at="controller durand", saying="no trusted key"):
        check(signed)


@pytest.mark.vector("signer-not-trusted")
def test_key_of_another_controller(world, check, refuses) -> None:
    keys = world.root / "include" / "controllers" / "dupont" / "keys"
    keys.mkdir(parents=True)
    signer = stranger(world.root)
    (keys / "dupont.pub").write_text(str(signing.key_of(signer)))

    with refuses(at=SIGNATURE, saying="not among the trusted keys"):
        check(signing.sign(world.instruct().read_bytes(), PAYLOAD_TYPE, signer))


# --- the time -----------------------------------------------------------------------------------


@pytest.mark.vector("instruction-expired")
def test_expired(world, cli) -> None:
    path = world.instruct(lambda f: f["valid"].update({"until": _from_now(-1)}))

    at = "instruction durand-2026"
    cli.refused("instruction", "verify", path, at=at, saying="it was valid until")


@pytest.mark.vector("instruction-expired")
def test_expires_between_plan_and_extraction(world, up_to, refuses, left_nothing) -> None:
    run = up_to(world, "plan")
    world.clock.advance(days=366)

    with refuses(at="instruction durand-2026", saying="it was valid until"):
        run.extract(world.source(), lambda *_: None)
    left_nothing(world)


@pytest.mark.vector("instruction-expired")
def test_expires_between_extraction_and_validation(world, up_to, judge, refuses, stopped) -> None:
    run = up_to(world, "extract", edit=_set("retention.without_confirmation", "P400D"))
    world.clock.advance(days=366)

    with refuses(at="instruction durand-2026", saying="it was valid until"):
        run.validate(judge)
    stopped(world, run)


@pytest.mark.vector("instruction-expired")
def test_window_is_open_at_its_end(world, refuses) -> None:
    terms = verify(read_signed(world.instruct()), world.settings.trust(), None)
    until = terms.terms.valid.until

    terms.require_unexpired(until - timedelta(microseconds=1))
    with refuses(at="instruction durand-2026", saying="it was valid until"):
        terms.require_unexpired(until)


@pytest.mark.vector("instruction-not-yet-valid")
def test_not_yet_valid(world, cli) -> None:
    path = world.instruct(lambda f: f["valid"].update({"from": _from_now(+60)}))

    at = "instruction durand-2026"
    cli.refused("instruction", "verify", path, at=at, saying="it is valid from")


def _from_now(minutes: int) -> str:
    return timestamp(datetime.now(UTC) + timedelta(minutes=minutes))


# --- the document -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """One world for all documents: none of them gets far enough to change it."""
    root = tmp_path_factory.mktemp("documents")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    return World(root)


def field(path: str) -> str:
    return f"instruction field {path}"


@contextmanager
def placed() -> Iterator[None]:
    """Expects line and column in a refusal's place, and takes them off: layouts differ."""
    try:
        yield
    except Refused as refused:
        where, line, column = re.fullmatch(
            r"(.+), line (\d+), column (\d+)", refused.where
        ).groups()
        assert int(line) >= 1
        assert int(column) >= 1
        raise Refused(refused.code, where, refused.message, refused.way_out) from None


ASKED_FOR_BY = {
    "id": "28(3)(a)",
    "version": "28(3)(a)",
    "processor": "28(3)",
    "subject": "28(3)",
    "nature": "28(3)",
    "purpose": "28(3), 5(1)(b)",
    "data_subjects": "28(3)",
    "valid": "28(3)",
    "valid.until": "28(3)",
    "changes": "28(3)(a)",
    "objections": "28(3)",
    "objections.how": "28(3)",
    "recipients": "28(3)(a)",
    "recipients.0.country": "30(2)(c)",
    "subprocessors": "28(3)(d)",
    "security": "28(3)(c)",
    "security.encryption": "32(1)(a)",
    "tables": "28(3)(a)",
    "tables.0.rows.maximum": "5(1)(c)",
    "tables.0.columns.0.purpose": "5(1)(c)",
    "retention": "28(3)(g)",
    "retention.at_end": "28(3)(g)",
    "retention.without_confirmation": "28(3)(g)",
    "retention.backups": "28(3)(g)",
    "contacts": "28(3)",
    "contacts.breach": "28(3)(f), 33(2)",
    "contacts.rights_within": "28(3)(e)",
    "contacts.audit": "28(3)(h)",
    "contacts.authorised": "28(3)(b)",
    "contacts.confidentiality": "28(3)(b)",
}


def _written(path: str) -> str:
    return re.sub(r"\.(\d+)", r"[\1]", path)


@pytest.mark.vector("instruction-incomplete")
@pytest.mark.parametrize("path", ASKED_FOR_BY)
def test_incomplete(shared, refuses, left_nothing, path) -> None:
    law = f"it is missing (Art. {ASKED_FOR_BY[path]} GDPR)."
    with refuses(at=field(_written(path)), saying=law), placed():
        shared.open_run(edit=_remove(path))
    left_nothing(shared)


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("path", ["remit", "expectations", "confirmation", "recipients.0.name"])
def test_without_a_field_that_only_remit_asks_for(shared, refuses, left_nothing, path) -> None:
    with refuses(at=field(_written(path)), saying="it is missing."), placed():
        shared.open_run(edit=_remove(path))
    left_nothing(shared)


@pytest.mark.vector("instruction-invalid")
def test_without_any_controller(shared, refuses, left_nothing) -> None:
    with refuses(at=field("controller.name"), saying="names no controller"):
        shared.open_run(edit=_remove("controller"))
    left_nothing(shared)


SAYING_NOTHING = [
    ("subject", "Processing of personal data", "28(3)"),
    ("subject", "", "28(3)"),
    ("subject", None, "28(3)"),
    ("nature", "as instructed", "28(3)"),
    ("purpose", "any lawful purpose", "28(3), 5(1)(b)"),
    ("purpose", "...", "28(3), 5(1)(b)"),
    ("purpose", "RESULTS of two sites, that move to a new laboratory-system", "28(3), 5(1)(b)"),
    ("data_subjects", [], "28(3)"),
    ("data_subjects", ["personnes concernées"], "28(3)"),
    ("changes", "conformément au RGPD", "28(3)(a)"),
    ("objections.how", "without undue delay", "28(3)"),
    ("retention.backups", "as needed", "28(3)(g)"),
    ("contacts.confidentiality", "appropriate confidentiality obligations", "28(3)(b)"),
    ("contacts.authorised", [], "28(3)(b)"),
    ("processor.contract", "TBD", "28(3)"),
    ("tables.0.columns.0.purpose", "", "5(1)(c)"),
    ("tables.0.columns.5.free_text", "needed for the project", "5(1)(c)"),
    ("tables.0.rows.all_codes", "selon les besoins", "5(1)(c)"),
    ("tables.0.rows.window", None, "5(1)(c)"),
    ("recipients.0.country", "US", "44 to 49"),
    ("recipients.0.categories", [], "25(2)"),
]


@pytest.mark.vector("instruction-incomplete")
@pytest.mark.parametrize(
    ("path", "value", "law"), SAYING_NOTHING, ids=[f"{s[0]}={s[1]!r}"[:50] for s in SAYING_NOTHING]
)
def test_saying_nothing(shared, refuses, left_nothing, path, value, law) -> None:
    with refuses(at="", saying=f"(Art. {law} GDPR)."), placed():
        shared.open_run(edit=_set(path, value))
    left_nothing(shared)


@pytest.mark.vector("transformation-unknown")
@pytest.mark.parametrize("kind", ["hash", "Keep", "mask", "pseudonymise", 7])
def test_transformation_that_does_not_exist(shared, refuses, left_nothing, kind) -> None:
    at = field("tables[0].columns[0].transform.kind")
    with refuses(at=at, saying="'truncate', 'constant'"), placed():
        shared.open_run(edit=_set("tables.0.columns.0.transform", {"kind": kind}))
    left_nothing(shared)


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(fields: dict[str, Any]) -> None:
        *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
        place: Any = fields
        for parent in parents:
            place = place[parent]
        place[last] = value

    return edit


def _remove(path: str) -> Callable[[dict[str, Any]], None]:
    def edit(fields: dict[str, Any]) -> None:
        *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
        place: Any = fields
        for parent in parents:
            place = place[parent]
        del place[last]

    return edit


SPOILT = [
    ("retain_forever", True, "retain_forever", "no such field"),
    ("tables.0.columns.0.mask", "md5", "tables[0].columns[0].mask", "no such field"),
    ("contacts.breach.phone", "1", "contacts.breach.phone", "no such field"),
    ("controller.name", "../../etc", "controller.name", "names no controller"),
    ("controller.name", "durand/../durand", "controller.name", "names no controller"),
    ("controller.name", "durand\n", "controller.name", "names no controller"),
    ("controller.name", None, "controller.name", "names no controller"),
    ("expectations.0.file", "../instructions/durand.yaml", "expectations[0].file", ".yaml"),
    ("expectations.0.file", "/etc/x.yaml", "expectations[0].file", ".yaml"),
    ("expectations.0.file", "..yaml", "expectations[0].file", ".yaml"),
    ("expectations.0.table", "patients", "expectations[0].table", "not among the tables"),
    ("id", "../durand", "id", "lower-case letters"),
    ("version", 0, "version", "1 or more"),
    ("version", "1", "version", "whole number"),
    ("remit", 2, "remit", "must be 1"),
    ("confirmation.level", "L0", "confirmation.level", "L3"),
    ("retention.without_confirmation", "PT0S", "retention.without_confirmation", "longer"),
    ("retention.after_confirmation", "-P1D", "retention.after_confirmation", "duration such as"),
    ("retention.after_confirmation", "P30D", "retention.after_confirmation", "not be longer"),
    ("retention.without_confirmation", "as needed", "retention.without_confirmation", "28(3)(g)"),
    ("purpose", "Continuity of care in Lyon; research", "purpose", "exactly one purpose"),
    ("purpose", "Continuity of care in Lyon, etc.", "purpose", "room for other purposes"),
    ("recipients.0.key", "x25519:AAAA", "recipients[0].key", "x25519:BASE64"),
    ("recipients.0.receipt_key", None, "recipients", "exactly one recipient"),
    ("recipients.0.categories", ["technical"], "recipients[0].categories", "cannot open"),
    ("recipients.0.categories", ["everything"], "recipients[0].categories[0]", "or 'belief'"),
    ("recipients.0.country", "France", "recipients[0].country", "two capital letters"),
    ("tables.0.columns.0.type", "jsonb", "tables[0].columns[0].type", "unknown type"),
    ("tables.0.columns.0.name", "a,b", "tables[0].columns[0].name", "without comma"),
    ("tables.0.columns.1.name", "result_id", "tables[0].columns[1].name", "appears twice"),
    ("tables.0.rows.maximum", 0, "tables[0].rows.maximum", "more than 0"),
    (
        "tables.0.rows.all", "Every analysis of the patients of Lyon", "tables[0].rows.all",
        "goes with no other limit",
    ),
    ("tables.0.rows.window.to", "2024-01-01", "tables[0].rows.window.to", "from must be before"),
    ("tables.0.rows.window.type", "timestamp", "tables[0].rows.window.from", "to the second"),
    ("tables.1.rows.window.to", "2025-01-01T00:00:00", "tables[1].rows.window.to", "an offset"),
    ("tables.1.name", "results", "tables[1].name", "appears twice"),
    ("contacts.audit.email", "nobody", "contacts.audit.email", "e-mail address"),
    ("processor.signing_key", "x25519:" + "A" * 43 + "=", "processor.signing_key", "ed25519"),
]  # fmt: skip


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize(
    ("path", "value", "at", "saying"), SPOILT, ids=[f"{s[0]}={s[1]!r}"[:50] for s in SPOILT]
)
def test_field_out_of_its_rule(shared, refuses, left_nothing, path, value, at, saying) -> None:
    # Whose keys to trust is known from the controller's name, before the document is read.
    place = nullcontext() if path == "controller.name" else placed()
    with refuses(at=field(at), saying=saying), place:
        shared.open_run(edit=_set(path, value))
    left_nothing(shared)


FOLLOWING = {
    "next_key": ("recipients[0].next_key", lambda f: f["recipients"][0].update(
        next_key=f["recipients"][0]["key"])),
    "next_receipt_key": ("recipients[0].next_receipt_key", lambda f: f["recipients"][0].update(
        next_receipt_key=f["recipients"][0]["receipt_key"])),
    "next_signing_key": ("processor.next_signing_key", lambda f: f["processor"].update(
        next_signing_key=f["processor"]["signing_key"])),
}  # fmt: skip


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("name", FOLLOWING)
def test_key_that_is_followed_by_itself(shared, refuses, name) -> None:
    at, edit = FOLLOWING[name]

    with refuses(at=field(at), saying="the same key as the one that it follows"), placed():
        shared.open_run(edit=edit)


@pytest.mark.vector("instruction-invalid")
def test_next_receipt_key_of_one_who_signs_no_receipt(shared, refuses) -> None:
    def edit(fields):
        other = fields["recipients"][0] | {"name": "registry", "categories": ["technical"]}
        other["next_receipt_key"] = other.pop("receipt_key")
        fields["recipients"].append(other)

    at = field("recipients[1].receipt_key")
    with refuses(at=at, saying="a next_receipt_key follows a receipt_key"), placed():
        shared.open_run(edit=edit)


UNREACHABLE = [
    ({"level": "L3", "by": ["control_file"]}, "by[0]", "control_file shows L1 at most"),
    ({"level": "L2", "by": ["receipt", "control_file"]}, "by[1]", "control_file shows L1"),
    ({"level": "L3", "by": ["bulk_submit"], "bulk_submit": SUBMIT}, "by[0]", "shows L2 at most"),
    ({"level": "L2", "by": ["audit_table"], "audit_table": AUDIT}, "by[0]", "recount every table"),
    (
        {"level": "L2", "by": ["audit_table"], "audit_table": {**AUDIT, "recount": RECOUNT[:1]}},
        "by[0]",
        "recount every table",
    ),
    (
        {"level": "L3", "by": ["audit_table"], "audit_table": {**AUDIT, "recount": RECOUNT}},
        "by[0]",
        "audit_table shows L2 at most",
    ),
    ({"level": "L3", "by": ["receipt", "receipt"]}, "by[1]", "appears twice"),
    ({"level": "L3", "by": []}, "by", ""),
    ({"level": "L1", "by": ["transport"]}, "by[0]", ""),
    ({"level": "L2", "by": ["bulk_submit"]}, "bulk_submit", "is described exactly when"),
    ({"level": "L3", "audit_table": AUDIT}, "audit_table", "is described exactly when"),
    (
        {"level": "L1", "by": ["audit_table"], "audit_table": {**AUDIT, "failed": ["loaded"]}},
        "audit_table.failed",
        "cannot say both",
    ),
]


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize(
    ("value", "at", "saying"), UNREACHABLE, ids=[str(u[0])[:60] for u in UNREACHABLE]
)
def test_confirmation_that_no_way_can_reach(shared, refuses, value, at, saying) -> None:
    with refuses(at=field(f"confirmation.{at}"), saying=saying), placed():
        shared.open_run(edit=_set("confirmation", value))


LOW_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
]


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("raw", LOW_ORDER, ids=["zero", "one", "order eight"])
def test_recipient_key_that_everybody_can_guess(shared, refuses, left_nothing, raw) -> None:
    key = f"x25519:{base64.b64encode(raw).decode()}"

    with refuses(at=field("recipients[0].key"), saying=""), placed():
        shared.open_run(edit=_set("recipients.0.key", key))
    left_nothing(shared)


def _text(world: World) -> bytes:
    return world.instruct().read_bytes()


HOSTILE = [
    (lambda t: t + b"\nid: other\n", WHOLE, "appears twice"),
    (
        lambda t: t.replace(b"id: durand-2026", b"id: &a durand-2026\nnature: *a"),
        WHOLE,
        "aliases",
    ),
    (lambda t: t + b"#" + b"x" * (2 << 20), WHOLE, "larger than 1 MiB"),
    (lambda t: t + b"# \xff\n", WHOLE, "not UTF-8"),
    (lambda t: t.decode().encode("utf-16"), WHOLE, "not UTF-8"),
    (lambda t: t + b"\x00", WHOLE, "not YAML"),
    (lambda t: t + b"--- \nremit: 1\n", WHOLE, "not YAML"),
    (
        lambda t: t + b"extra: !!python/object/apply:os.system [id]\n",
        WHOLE,
        "tags are not allowed",
    ),
    (lambda t: b"[" * 100_000, WHOLE, "not YAML"),
    (lambda t: b"", WHOLE, ""),
    (lambda t: b"- a list\n", WHOLE, ""),
    (lambda t: t.replace(b"version: 1", b"version: " + b"9" * 5000), WHOLE, "YAML"),
    (lambda t: t.replace(b"version: 1", b"version: .nan"), "version", "whole number"),
    (lambda t: t.replace(b"version: 1", b"version: true"), "version", "whole number"),
]
HOSTILE_NAMES = (
    "duplicate key;alias;2 MiB;not UTF-8;UTF-16;NUL;two documents;Python object;nested;empty;"
    "a list;endless number;NaN;boolean for a number"
).split(";")


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize(("spoil", "at", "saying"), HOSTILE, ids=HOSTILE_NAMES)
def test_hostile_text(shared, refuses, spoil, at, saying) -> None:
    with refuses(at=field(at), saying=saying), placed():
        parse(spoil(_text(shared)))


TAGGED = {
    "key that is a list": b"? [a]\n: 1\n",
    "key that is a mapping": b"? {a: b}\n: 1\n",
    "binary": b"extra: !!binary aGVsbG8=\n",
    "timestamp by tag": b"extra: !!timestamp 2024-01-01\n",
    "set": b"extra: !!set {a}\n",
}


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("line", TAGGED.values(), ids=TAGGED)
def test_value_that_json_has_not(shared, refuses, line) -> None:
    with refuses(at="", saying=""):
        parse(_text(shared) + line)


@pytest.mark.vector("instruction-invalid")
def test_merge_key_that_sets_a_field_out_of_sight(shared, refuses) -> None:
    text = _text(shared)
    merged = text.replace(b"version: 1\n", b"<<: {version: 7}\n")
    assert merged != text

    with refuses(at="", saying=""):
        parse(merged)


@pytest.mark.vector("instruction-invalid")
def test_lint_names_every_field_that_is_wrong(world, cli, refuses) -> None:
    path = world.instruct(lambda f: f.update({"version": 0, "purpose": ""}))

    code, answer = cli("instruction", "lint", path)

    assert code == 3
    assert answer["problems"] == [
        {
            "line": 3, "column": 10, "where": "version", "code": "instruction-invalid",
            "message": "must be 1 or more (Art. 28(3)(a) GDPR).", "law": "Art. 28(3)(a) GDPR",
        },
        {
            "line": 19, "column": 10, "where": "purpose", "code": "instruction-incomplete",
            "message": "it is not filled in (Art. 28(3), 5(1)(b) GDPR).",
            "law": "Art. 28(3), 5(1)(b) GDPR",
        },
    ]  # fmt: skip
    with refuses(at=field("version, line 3, column 10"), saying="1 more: remit instruction lint"):
        parse(path.read_bytes())


def test_lint_prints_places_that_an_editor_can_jump_to(world, capsys) -> None:
    path = world.instruct(lambda f: f.update({"version": 0, "purpose": "", "remark": "x"}))

    assert main(["instruction", "lint", str(path)]) == 3

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        f"{path}:3:10: instruction-invalid: version: must be 1 or more (Art. 28(3)(a) GDPR).",
        f"{path}:19:10: instruction-incomplete: purpose: it is not filled in "
        "(Art. 28(3), 5(1)(b) GDPR).",
    ]
    assert re.fullmatch(
        rf"{re.escape(str(path))}:\d+:1: instruction-invalid: remark: there is no such field\.",
        lines[2],
    )
    assert len(lines) == 3


def test_lint_finds_nothing_in_what_can_be_signed(world, capsys) -> None:
    path = world.instruct()

    assert main(["instruction", "lint", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: nothing to correct.\n"


@pytest.mark.vector("instruction-incomplete")
def test_controller_signs_only_what_could_be_used(world, cli) -> None:
    path = world.instruct(lambda f: f.pop("purpose"))
    key = world.root / "controller" / "controller.pem"

    at = field("purpose, line 1, column 1")
    cli.refused("instruction", "sign", path, "--key", key, at=at, saying="it is missing")


def test_instruction_that_is_not_there(world, cli) -> None:
    code, answer = cli("instruction", "verify", world.root / "nowhere.yaml")

    assert code == 2
    assert "cannot read the instruction" in answer["error"]["message"]


def test_trusted_key_that_is_no_key(world, check) -> None:
    signed = read_signed(world.instruct())
    [trusted] = (world.root / "include/controllers/durand/keys").iterdir()
    trusted.write_bytes(b"\xff\xfe not a key")

    with pytest.raises(UsageError, match="does not hold a public key"):
        check(signed)
