"""What is refused before an instruction binds: its signature, its form, its time."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.errors import UsageError
from remit.evidence import timestamp
from remit.instruction import PAYLOAD_TYPE, envelope_path, parse, read_signed, verify
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

    terms.require_valid(until - timedelta(microseconds=1))
    with refuses(at="instruction durand-2026", saying="it was valid until"):
        terms.require_valid(until)


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


REQUIRED = (
    "remit id version controller processor subject nature purpose data_subjects valid recipients "
    "tables expectations confirmation retention contacts"
).split()


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("name", REQUIRED)
def test_incomplete(shared, refuses, left_nothing, name) -> None:
    with refuses(at=field("controller.name" if name == "controller" else name), saying=""):
        shared.open_run(edit=lambda fields: fields.pop(name))
    left_nothing(shared)


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(fields: dict[str, Any]) -> None:
        *parents, last = [int(p) if p.isdigit() else p for p in path.split(".")]
        place: Any = fields
        for parent in parents:
            place = place[parent]
        place[last] = value

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
    ("expectations.0.table", "patients", "(whole document)", "not among the tables"),
    ("id", "../durand", "id", "lower-case letters"),
    ("version", 0, "version", "1 or more"),
    ("version", "1", "version", "whole number"),
    ("remit", 2, "remit", "must be 1"),
    ("confirmation.level", "L0", "confirmation.level", "L3"),
    ("retention.without_confirmation", "PT0S", "retention.without_confirmation", "longer"),
    ("retention.after_confirmation", "-P1D", "retention.after_confirmation", "duration such as"),
    ("retention.after_confirmation", "P30D", "retention", "must not be longer"),
    ("recipients.0.key", "x25519:AAAA", "recipients[0].key", "x25519:BASE64"),
    ("recipients.0.receipt_key", None, "(whole document)", "exactly one recipient"),
    ("recipients.0.categories", ["technical"], "(whole document)", "cannot open"),
    ("recipients.0.categories", [], "recipients[0].categories", "at least one"),
    ("recipients.0.categories", ["everything"], "recipients[0].categories[0]", "or 'belief'"),
    ("recipients.0.country", "France", "recipients[0].country", "two capital letters"),
    ("tables.0.columns", [], "tables[0].columns", "at least one"),
    ("tables.0.columns.0.type", "jsonb", "tables[0].columns[0].type", "unknown type"),
    ("tables.0.columns.0.purpose", "", "tables[0].columns[0].purpose", "must be words"),
    ("tables.0.columns.0.name", "a,b", "tables[0].columns[0].name", "without comma"),
    ("tables.0.columns.1.name", "result_id", "tables[0]", "appears twice"),
    ("tables.0.rows.maximum", 0, "tables[0].rows.maximum", "more than 0"),
    ("tables.0.rows.window", None, "tables[0].rows", "give a window"),
    ("tables.0.rows.all", "every row", "tables[0].rows", "give a window"),
    ("tables.0.rows.sites.in", [], "tables[0].rows.sites.in", "at least one"),
    ("tables.0.rows.window.to", "2024-01-01", "tables[0].rows.window", "from must be before to"),
    ("tables.0.rows.window.type", "timestamp", "tables[0].rows.window", "to the second"),
    ("tables.1.rows.window.to", "2025-01-01T00:00:00", "tables[1].rows.window", "with an offset"),
    ("tables.1.name", "results", "(whole document)", "appears twice"),
    ("contacts.authorised", [], "contacts.authorised", "at least one"),
    ("contacts.audit.email", "nobody", "contacts.audit.email", "e-mail address"),
    ("processor.signing_key", "x25519:" + "A" * 43 + "=", "processor.signing_key", "ed25519"),
]


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize(
    ("path", "value", "at", "saying"), SPOILT, ids=[f"{s[0]}={s[1]!r}"[:50] for s in SPOILT]
)
def test_field_out_of_its_rule(shared, refuses, left_nothing, path, value, at, saying) -> None:
    with refuses(at=field(at), saying=saying):
        shared.open_run(edit=_set(path, value))
    left_nothing(shared)


LOW_ORDER = [
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
]


@pytest.mark.vector("instruction-invalid")
@pytest.mark.parametrize("raw", LOW_ORDER, ids=["zero", "one", "order eight"])
def test_recipient_key_that_everybody_can_guess(shared, refuses, left_nothing, raw) -> None:
    key = f"x25519:{base64.b64encode(raw).decode()}"

    with refuses(at=field("recipients[0].key"), saying=""):
        shared.open_run(edit=_set("recipients.0.key", key))
    left_nothing(shared)


def _text(world: World) -> bytes:
    return world.instruct().read_bytes()


HOSTILE = [
    (lambda t: t + b"\nid: other\n", "line", "appears twice"),
    (lambda t: t.replace(b"id: durand-2026", b"id: &a durand-2026\nnature: *a"), "", "aliases"),
    (lambda t: t + b"#" + b"x" * (2 << 20), "(whole document)", "larger than 1 MiB"),
    (lambda t: t + b"# \xff\n", "(whole document)", "not UTF-8"),
    (lambda t: t.decode().encode("utf-16"), "(whole document)", "not UTF-8"),
    (lambda t: t + b"\x00", "(whole document)", "not YAML"),
    (lambda t: t + b"--- \nremit: 1\n", "", "not YAML"),
    (lambda t: t + b"extra: !!python/object/apply:os.system [id]\n", "", "tags are not allowed"),
    (lambda t: b"[" * 100_000, "(whole document)", "not YAML"),
    (lambda t: b"", "(whole document)", ""),
    (lambda t: b"- a list\n", "(whole document)", ""),
    (lambda t: t.replace(b"version: 1", b"version: " + b"9" * 5000), "(whole document)", "YAML"),
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
    with refuses(at=field(at) if at.startswith(("(", "version")) else "", saying=saying):
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
    assert [problem["where"] for problem in answer["problems"]] == ["version", "purpose"]
    with refuses(at=field("version"), saying="1 more: remit instruction lint"):
        parse(path.read_bytes())


@pytest.mark.vector("instruction-invalid")
def test_controller_signs_only_what_could_be_used(world, cli) -> None:
    path = world.instruct(lambda f: f.pop("purpose"))
    key = world.root / "controller" / "controller.pem"

    cli.refused(
        "instruction", "sign", path, "--key", key, at=field("purpose"), saying="it is missing"
    )


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
