"""What no longer binds, what contradicts what was received, and revocations that end nothing."""

from __future__ import annotations

import base64
import copy
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.custody import REGISTER, Register, Run
from remit.errors import Refused, Unavailable
from remit.evidence import timestamp
from remit.instruction import PAYLOAD_TYPE, digest_of, envelope_path, parse, read_signed, verify
from remit.instruction.revocation import REVOCATION_TYPE, revocation_path, revoke
from remit.testing.controller import Edit
from remit.testing.world import World

REASON = "The laboratory moves later than planned"
FIRST = "instruction durand-2026 version 1"
SECOND = "instruction durand-2026 version 2"
REVOCATION = "revocation of durand-2026 version 1"
FILE = "durand.yaml.revoked.dsse.json"
Fields = dict[str, Any]


def controller(world: World) -> Any:
    return signing.load_signer(str(world.root / "controller" / "controller.pem"))


def instructions(world: World) -> Path:
    return world.root / "include" / "instructions"


def revoked(world: World, path: Path, by: str = "", signer: Any = None) -> bytes:
    """A true revocation of an instruction's file."""
    text = path.read_bytes()
    signer = signer or controller(world)
    return revoke(parse(text), digest_of(text), REASON, world.clock(), signer, by)


def take_back(world: World, path: Path, by: str = "", signer: Any = None) -> Path:
    revocation_path(path).write_bytes(revoked(world, path, by, signer))
    return revocation_path(path)


def forged(fields: Fields | bytes, signer: Any) -> bytes:
    payload = fields if isinstance(fields, bytes) else canonical.dumps(fields)
    return signing.sign(payload, REVOCATION_TYPE, signer)


def terms_of(envelope: bytes) -> Fields:
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))


def second(world: World, first: Path, **more: Any) -> Path:
    """Version 2, which replaces what is in the file now."""
    replaced = {"version": 1, "digest": digest_of(first.read_bytes())}
    edit = lambda f: f.update({"version": 2, "supersedes": replaced} | more)  # noqa: E731
    return world.controller.instruct(world.parties, "durand-2.yaml", edit)


def open_under(world: World, path: Path, run: str = "durand-new") -> Run:
    opened = Run(run, world.deployment(), "test")
    opened.open_file(path, world.source().label, str(world.landing_path))
    return opened


def kinds_of(world: World, run: str = REGISTER) -> list[str]:
    return [record.kind for record in world.deployment().log.records(run)]


# --- revoked ------------------------------------------------------------------------------------


@pytest.mark.vector("instruction-revoked")
def test_run_under_a_revoked_instruction_is_not_opened(world, refuses, cli, left_nothing) -> None:
    path = world.instruct()
    take_back(world, path)

    with refuses(at=FIRST, saying="the controller revoked it; the processor has known since"):
        open_under(world, path)
    options = ("--source", world.source_url, "--landing", world.landing_path)
    cli.refused("run", path, *options, at=FIRST, saying="the controller revoked it")
    cli.refused("run", path, *options, "--run", "mine", at=FIRST, saying="revoked")

    assert kinds_of(world) == ["received", "revoked"]
    assert kinds_of(world, "mine") == ["refused"]
    left_nothing(world)


@pytest.mark.vector("instruction-revoked")
def test_plan_shows_that_the_instruction_is_revoked_and_records_nothing(world, refuses, cli):
    path = world.instruct()
    take_back(world, path)

    code, plan = cli("plan", path, "--source", world.source_url)

    [refusal] = plan["refusals"]
    refuses.check(refusal, FIRST, "the controller revoked it")
    assert code == 3
    assert not (world.root / "processor" / "evidence.sqlite").exists()


@pytest.mark.vector("instruction-revoked")
@pytest.mark.parametrize(
    "name",
    [
        "sub/folder/durand.yaml.revoked.dsse.json",
        "end of durand.dsse.json",
        "durand.yaml.revoked.dsse (1).json",
        "DURAND.JSON",
        "revocation.txt",
        "attachment",
        ".hidden",
    ],
)
def test_revocation_is_found_wherever_it_is_and_whatever_its_name(world, refuses, name) -> None:
    path = world.instruct()
    place = instructions(world) / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(revoked(world, path))

    with refuses(at=FIRST, saying="revoked"):
        open_under(world, path)


@pytest.mark.vector("instruction-revoked")
def test_revocation_beside_a_file_that_is_not_in_the_folder(world, refuses, up_to, judge) -> None:
    path = world.instruct()
    outside = world.root / "outside"
    instructions(world).rename(outside)
    instructions(world).mkdir()
    path = outside / path.name
    run = open_under(world, path, "durand-early")
    take_back(world, path)

    with refuses(at=FIRST, saying="revoked"):
        open_under(world, path)
    with refuses(at=FIRST, saying="revoked"):
        run.plan(world.source(), world.landing(), judge)


@pytest.mark.vector("instruction-revoked")
def test_revocation_in_the_folder_of_a_file_that_is_elsewhere(world, refuses) -> None:
    path = world.instruct()
    take_back(world, path)
    for file in (path, envelope_path(path)):
        file.rename(world.root / file.name)

    with refuses(at=FIRST, saying="revoked"):
        open_under(world, world.root / path.name)
    assert kinds_of(world) == ["received", "revoked"]
    assert kinds_of(world, "durand-new") == ["refused"]


@pytest.mark.vector("instruction-revoked")
@pytest.mark.parametrize("link", ["file", "folder", "circle", "the folder itself"])
def test_revocation_behind_a_link(world, refuses, link) -> None:
    path = world.instruct()
    folder, elsewhere = instructions(world), world.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE).write_bytes(revoked(world, path))
    if link == "file":
        (folder / FILE).symlink_to(elsewhere / FILE)
    elif link == "the folder itself":
        take_back(world, path)
        folder.rename(world.root / "mounted")
        folder.symlink_to(world.root / "mounted")
    else:
        (folder / "mounted").symlink_to(elsewhere)
    if link == "circle":
        (elsewhere / "back").symlink_to(folder)

    with refuses(at=FIRST, saying="revoked"):
        open_under(world, path)
    assert kinds_of(world) == ["received", "revoked"]


@pytest.mark.vector("instruction-revoked")
def test_second_revocation_of_the_same_text_is_no_news(world, refuses) -> None:
    path = world.instruct()
    take_back(world, path)
    world.clock.advance(hours=1)
    (instructions(world) / "again.revoked.dsse.json").write_bytes(revoked(world, path))

    for run in ("durand-a", "durand-b"):
        with refuses(at=FIRST, saying="revoked"):
            open_under(world, path, run)
    assert kinds_of(world) == ["received", "revoked"]


# --- superseded ---------------------------------------------------------------------------------


@pytest.mark.vector("instruction-superseded")
def test_run_under_a_superseded_version_is_not_opened(world, refuses, cli) -> None:
    path = world.instruct()
    second(world, path)

    with refuses(at=FIRST, saying="version 2 replaces it since"):
        open_under(world, path)
    options = ("--source", world.source_url)
    code, plan = cli("plan", path, *options)
    refuses.check(plan["refusals"][0], FIRST, "version 2 replaces it since")
    assert code == 3
    open_under(world, instructions(world) / "durand-2.yaml")


@pytest.mark.vector("instruction-superseded")
def test_version_that_was_received_by_command_supersedes_as_well(world, cli, refuses) -> None:
    path = world.instruct()
    other = second(world, path)
    outside = world.root / "outside"
    outside.mkdir()
    for file in (other, envelope_path(other)):
        file.rename(outside / file.name)
    open_under(world, path, "durand-before")
    assert cli("instruction", "receive", outside / other.name)[0] == 0

    with refuses(at=FIRST, saying="version 2 replaces it since"):
        open_under(world, path)


@pytest.mark.vector("instruction-superseded")
def test_way_out_names_the_highest_version_that_is_valid(world, refuses) -> None:
    path = world.instruct()
    open_under(world, path, "durand-first")
    middle = second(world, path)
    replaced = {"version": 2, "digest": digest_of(middle.read_bytes())}
    later = timestamp(world.clock() + timedelta(days=1))

    def edit(fields: Fields) -> None:
        fields.update(version=3, supersedes=replaced)
        fields["valid"]["from"] = later

    world.controller.instruct(world.parties, "durand-3.yaml", edit)

    with pytest.raises(Refused, match=r"version 2 replaces it .* new run under version 2\."):
        open_under(world, path)
    world.clock.advance(days=2)
    with refuses(at=FIRST, saying="version 2 replaces it"):
        open_under(world, path)
    with pytest.raises(Refused, match=r"version 2 replaces it .* new run under version 3\."):
        open_under(world, path)


@pytest.mark.vector("instruction-superseded")
def test_joint_controller_that_is_named_first_in_the_next_version(world, refuses) -> None:
    martin = joined(world)
    path = jointly(world, "durand.yaml", together, martin)

    def swapped(fields: Fields) -> None:
        together(fields)
        own, other = fields["controller"], fields["joint_controllers"][0]
        fields.update(controller=other, joint_controllers=[own], version=2)
        fields["supersedes"] = {"version": 1, "digest": digest_of(path.read_bytes())}

    jointly(world, "durand-2.yaml", swapped, martin)

    with refuses(at=FIRST, saying="version 2 replaces it"):
        open_under(world, path)


def test_instruction_of_another_controller_with_the_same_id_is_another_one(world) -> None:
    path = world.instruct()
    martin = joined(world)

    def theirs(fields: Fields) -> None:
        fields["controller"] |= {"name": "martin"}
        fields.update(version=2, supersedes={"version": 1, "digest": "sha256:" + "0" * 64})

    other = world.controller.instruct(world.parties, "martin.yaml", theirs)
    sign(other, martin)
    open_under(world, other, "martin-run")
    (instructions(world) / "martin.yaml.revoked.dsse.json").write_bytes(
        revoked(world, other, signer=martin)
    )

    open_under(world, path)
    with pytest.raises(Refused, match="instruction-revoked"):
        open_under(world, other, "martin-again")


def joined(world: World) -> Any:
    """A second controller whom the processor trusts; its signer."""
    keys = world.root / "include" / "controllers" / "martin" / "keys"
    keys.mkdir(parents=True)
    signing.new_key("signing", world.root / "martin.pem")
    (keys / "martin.pub").write_bytes((world.root / "martin.pem.pub").read_bytes())
    return signing.load_signer(str(world.root / "martin.pem"))


def together(fields: Fields) -> None:
    other = copy.deepcopy(fields["controller"])  # YAML would have the contact once, as an alias
    other.update(name="martin", legal_name="Clinique Martin SAS")
    fields["joint_controllers"] = [other]


def sign(path: Path, *signers: Any) -> None:
    envelope = None
    for signer in signers:
        envelope = signing.sign(path.read_bytes(), PAYLOAD_TYPE, signer, onto=envelope)
    envelope_path(path).write_bytes(envelope or b"")


def jointly(world: World, file: str, edit: Edit, martin: Any) -> Path:
    path = world.controller.instruct(world.parties, file, edit)
    sign(path, controller(world), martin)
    return path


@pytest.mark.vector("instruction-revoked")
@pytest.mark.parametrize("who", ["durand", "martin"])
def test_any_one_of_joint_controllers_can_revoke(world, refuses, who) -> None:
    martin = joined(world)
    path = jointly(world, "durand.yaml", together, martin)
    open_under(world, path, "durand-before")
    take_back(world, path, by=who, signer=martin if who == "martin" else None)

    with refuses(at=FIRST, saying="revoked"):
        open_under(world, path)
    [record] = [r for r in world.deployment().log.records(REGISTER) if r.kind == "revoked"]
    assert record.data["controller"] == who


@pytest.mark.vector("signer-not-trusted")
def test_revocation_in_the_name_of_a_joint_controller_with_the_others_key(world, refuses) -> None:
    martin = joined(world)
    path = jointly(world, "durand.yaml", together, martin)
    open_under(world, path, "durand-before")
    take_back(world, path, by="martin")

    with refuses(at=FILE, saying="not among the trusted keys"):
        open_under(world, path)
    assert kinds_of(world) == ["received"]


# --- contradictions -----------------------------------------------------------------------------


@pytest.mark.vector("instruction-version-reused")
def test_two_texts_of_one_version(world, refuses, cli, up_to, judge) -> None:
    run = up_to(world, "extract")
    path = world.instruct(lambda f: f["retention"].update(without_confirmation="P30D"))
    at, saying = FIRST, "another text of the same version was received before"

    with refuses(at=at, saying=saying):
        open_under(world, path)
    with refuses(at=at, saying=saying):
        run.validate(judge)  # nobody knows which of the two the controller means
    cli.refused("instruction", "receive", path, at=at, saying=saying)
    code, plan = cli("plan", path, "--source", world.source_url)
    refuses.check(plan["refusals"][0], at, saying)

    assert code == 3
    assert kinds_of(world) == ["received"]
    assert not run.story.has("stopped")
    world.instruct()
    assert run.validate(judge) is True


@pytest.mark.vector("instruction-succession")
def test_version_that_supersedes_another_text_than_the_one_received(world, refuses, cli) -> None:
    first = world.instruct()
    run = open_under(world, first, "durand-before")
    other = {"version": 1, "digest": "sha256:" + "0" * 64}
    path = second(world, first, supersedes=other)
    saying = "it supersedes another text of version 1 than the one received"

    with refuses(at=SECOND, saying=saying):
        open_under(world, path)
    with refuses(at=SECOND, saying=saying):
        run.plan(world.source(), world.landing(), None)
    cli.refused("instruction", "receive", path, at=SECOND, saying=saying)
    assert kinds_of(world) == ["received"]


@pytest.mark.vector("instruction-succession")
def test_text_other_than_the_one_that_a_later_version_supersedes(world, refuses) -> None:
    first = world.instruct()
    path = second(world, first, supersedes={"version": 1, "digest": "sha256:" + "0" * 64})
    for file in (first, envelope_path(first)):
        file.rename(world.root / file.name)
    open_under(world, path, "durand-second")

    with refuses(at=FIRST, saying="version 2, received before, supersedes another text of it"):
        open_under(world, world.root / first.name)
    assert kinds_of(world) == ["received"]


# --- revocations that are none ------------------------------------------------------------------


def change(**more: Any) -> Callable[[Fields], Fields]:
    return lambda fields: fields | more


def without(name: str) -> Callable[[Fields], Fields]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


INVALID: dict[str, tuple[Callable[[Fields], Fields | bytes], str]] = {
    "no reason": (without("reason"), "reason"),
    "an empty reason": (change(reason=""), "reason"),
    "a reason that says nothing": (change(reason="tbd"), "reason"),
    "a reason that is no text": (change(reason=["x", "y"]), "reason"),
    "no digest": (without("digest"), "digest"),
    "a digest in capitals": (lambda f: f | {"digest": f["digest"].upper()}, "digest"),
    "no version": (without("version"), "version"),
    "version zero": (change(version=0), "version"),
    "a version as text": (change(version="1"), "version"),
    "every version": (change(version=None), "version"),
    "no id": (without("id"), "id"),
    "an id that is a pattern": (change(id="*"), "id"),
    "no controller": (without("controller"), "controller"),
    "a controller that is a path": (change(controller="../durand"), "controller"),
    "no time": (without("revoked_at"), "revoked_at"),
    "a time without an offset": (change(revoked_at="2026-01-01T00:00:00"), "revoked_at"),
    "a time in words": (change(revoked_at="now"), "revoked_at"),
    "an unknown field": (change(until="2026-01-01T00:00:00Z"), "until"),
    "a list": (lambda f: canonical.dumps([f]), FILE),
    "no JSON": (lambda _: b"revoked", FILE),
    "nothing": (lambda _: b"", FILE),
    "no UTF-8": (lambda _: b'{"id":"\xff"}', FILE),
    "another spelling": (lambda f: json.dumps(f, indent=1).encode(), FILE),
    "a field twice": (lambda f: canonical.dumps(f)[:-1] + b',"version":2}', FILE),
}


@pytest.mark.vector("revocation-invalid")
@pytest.mark.parametrize("case", INVALID)
def test_revocation_that_is_not_of_its_form(world, refuses, up_to, judge, case) -> None:
    edit, at = INVALID[case]
    run = up_to(world, "extract")
    path = instructions(world) / "durand.yaml"
    fields = terms_of(revoked(world, path))
    revocation_path(path).write_bytes(forged(edit(fields), controller(world)))

    where = at if at == FILE else f"{FILE}, field {at}"
    with refuses(at=where, saying="not of its form"):
        run.validate(judge)
    assert not run.story.has("stopped")
    revocation_path(path).unlink()
    assert run.validate(judge) is True


@pytest.mark.vector("revocation-unknown")
def test_revocation_of_a_text_that_was_never_received(world, refuses, cli) -> None:
    path = world.instruct()
    other = world.controller.instruct(
        world.parties, "other.yaml", lambda f: f.update(id="durand-other")
    )
    revocation_path(path).write_bytes(revoked(world, other))

    at, saying = "revocation of durand-other version 1", "no instruction with this digest"
    cli.refused("instruction", "receive", path, at=at, saying=saying)
    assert kinds_of(world) == ["received"]


@pytest.mark.vector("revocation-unknown")
def test_revocation_of_another_text_of_the_version_received(world, refuses, up_to, judge) -> None:
    run = up_to(world, "extract")
    path = instructions(world) / "durand.yaml"
    fields = terms_of(revoked(world, path)) | {"digest": "sha256:" + "0" * 64}
    revocation_path(path).write_bytes(forged(fields, controller(world)))

    with refuses(at=REVOCATION, saying="another text of this version than the one received"):
        run.validate(judge)
    assert not run.story.has("stopped")


@pytest.mark.vector("revocation-unknown")
@pytest.mark.parametrize("field", ["id", "version"])
def test_revocation_whose_digest_is_of_another_id_or_version(
    world, refuses, up_to, judge, cli, field
) -> None:
    run = up_to(world, "extract")
    path = instructions(world) / "durand.yaml"
    other = {"id": "durand-2027"} if field == "id" else {"version": 7}
    fields = terms_of(revoked(world, path)) | other
    revocation_path(path).write_bytes(forged(fields, controller(world)))
    at = f"revocation of {fields['id']} version {fields['version']}"

    with refuses(at=at, saying="has another id or version"):
        run.validate(judge)
    code, plan = cli("plan", path, "--source", world.source_url)
    refuses.check(plan["refusals"][0], at, "has another id or version")
    assert code == 3
    assert not run.story.has("stopped")


@pytest.mark.vector("revocation-unknown")
def test_revocation_by_a_controller_of_something_else(world, refuses, up_to, judge, cli) -> None:
    run = up_to(world, "extract")
    path = instructions(world) / "durand.yaml"
    take_back(world, path, by="martin", signer=joined(world))

    with refuses(at=REVOCATION, saying="martin is not a controller of that text"):
        run.validate(judge)
    code, plan = cli("plan", path, "--source", world.source_url)
    refuses.check(plan["refusals"][0], REVOCATION, "martin is not a controller of that text")
    assert code == 3
    assert not run.story.has("stopped")


def test_revocation_of_a_version_that_this_processor_never_had_ends_nothing(world, up_to, judge):
    run = up_to(world, "extract")
    path = instructions(world) / "durand.yaml"
    fields = terms_of(revoked(world, path)) | {"version": 9, "digest": "sha256:" + "0" * 64}
    revocation_path(path).write_bytes(forged(fields, controller(world)))

    assert run.validate(judge) is True
    assert kinds_of(world) == ["received"]


@pytest.mark.vector("signer-not-trusted")
def test_revocation_signed_by_a_stranger(world, refuses, up_to, judge) -> None:
    run = up_to(world, "extract")
    signing.new_key("signing", world.root / "stranger.pem")
    stranger = signing.load_signer(str(world.root / "stranger.pem"))
    take_back(world, instructions(world) / "durand.yaml", signer=stranger)

    with refuses(at=FILE, saying="not among the trusted keys"):
        run.validate(judge)
    assert not run.story.has("stopped")


@pytest.mark.vector("controller-unknown")
def test_revocation_of_a_controller_without_trusted_keys_holds_everybody(world, refuses, up_to):
    run = up_to(world, "seal")
    martin = joined(world)
    take_back(world, instructions(world) / "durand.yaml", by="martin", signer=martin)
    (world.root / "include" / "controllers" / "martin" / "keys" / "martin.pub").unlink()

    with refuses(at="controller martin", saying="no trusted key of this controller"):
        run.deliver(world.landing())
    assert not run.story.has("stopped")


def test_revocation_that_was_taken_in_holds_nobody_once_its_controller_is_gone(world) -> None:
    path = world.instruct()
    martin = joined(world)
    own = lambda f: f["controller"].update(name="martin") or f.update(id="martin")  # noqa: E731
    other = world.controller.instruct(world.parties, "martin.yaml", own)
    sign(other, martin)
    open_under(world, other, "martin-run")
    take_back(world, other, signer=martin)
    Register(world.deployment(), "test").take_in()
    (world.root / "include" / "controllers" / "martin" / "keys" / "martin.pub").unlink()

    open_under(world, path)


@pytest.mark.vector("envelope-malformed")
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff\xfe\x00", b"[" * 100_000, b"{}" + b" " * (5 << 20), b'"' * (5 << 20)],
    ids=["empty", "no envelope", "no UTF-8", "deep", "large", "large and open"],
)
def test_file_that_should_be_a_revocation(world, refuses, up_to, judge, content) -> None:
    run = up_to(world, "extract")
    (instructions(world) / FILE).write_bytes(content)

    with refuses(at=FILE, saying="not a DSSE envelope"):
        run.validate(judge)
    assert not run.story.has("stopped")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff\xfe\x00", b"[" * 100_000, b'{"payload":"' + b"A" * (5 << 20)],
    ids=["empty", "no envelope", "no UTF-8", "deep", "large"],
)
def test_file_that_is_no_instruction_binds_nobody(world, up_to, judge, content) -> None:
    run = up_to(world, "extract")
    (instructions(world) / "letter.yaml.dsse.json").write_bytes(content)

    assert run.validate(judge) is True


@pytest.mark.parametrize("defect", ["damaged", "by a stranger", "a draft", "without its form"])
def test_second_version_that_does_not_verify_binds_nobody(world, up_to, judge, defect) -> None:
    run = up_to(world, "extract")
    path = second(world, instructions(world) / "durand.yaml")
    envelope = envelope_path(path)
    if defect == "damaged":
        envelope.write_bytes(envelope.read_bytes().replace(b'"sig":"', b'"sig":"A'))
    elif defect == "a draft":
        envelope.unlink()
    elif defect == "without its form":
        path.write_text(path.read_text().replace("purpose:", "purposes:"))
        world.controller.sign(path)
    else:
        signing.new_key("signing", world.root / "stranger.pem")
        sign(path, signing.load_signer(str(world.root / "stranger.pem")))

    assert run.validate(judge) is True
    assert kinds_of(world) == ["received"]


def test_broken_key_file_of_another_controller_does_not_hold_this_one(world, up_to, judge) -> None:
    run = up_to(world, "extract")
    martin = joined(world)
    own = lambda f: f["controller"].update(name="martin") or f.update(id="martin")  # noqa: E731
    sign(world.controller.instruct(world.parties, "martin.yaml", own), martin)
    (world.root / "include" / "controllers" / "martin" / "keys" / "martin.pub").write_text("?")

    assert run.validate(judge) is True


# --- what cannot be read ------------------------------------------------------------------------


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "gone")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [_dangling, _pipe, _circle])
@pytest.mark.parametrize("name", [FILE, "durand-2.yaml.dsse.json"])
def test_file_that_cannot_be_read_is_unavailable_and_may_be_tried_again(
    world, up_to, judge, make, name
) -> None:
    run = up_to(world, "extract")
    make(instructions(world) / name)

    with pytest.raises(Unavailable):
        run.validate(judge)

    assert run.story.records[-1].kind == "interrupted"
    (instructions(world) / name).unlink()
    assert run.validate(judge) is True


@pytest.mark.parametrize("place", ["file", "folder"])
def test_file_without_the_right_to_read_it_is_unavailable(
    world, up_to, judge, monkeypatch, place
) -> None:
    run = up_to(world, "extract")
    take_back(world, instructions(world) / "durand.yaml")
    reading, listing = Path.open, os.scandir

    def denying(ours: Callable[..., Any]) -> Callable[..., Any]:
        def deny(path: Path, *more: Any, **named: Any) -> Any:
            if instructions(world) in (path, *Path(path).parents):
                raise PermissionError(13, "Permission denied")
            return ours(path, *more, **named)

        return deny

    with monkeypatch.context() as patch:
        if place == "file":
            patch.setattr(Path, "open", denying(reading))
        else:
            patch.setattr(os, "scandir", denying(listing))
        with pytest.raises(Unavailable, match="Permission denied"):
            run.validate(judge)
    assert not run.story.has("stopped")
    with pytest.raises(Refused, match="instruction-revoked"):
        run.validate(judge)


def test_folder_of_instructions_that_is_not_there_is_unavailable(world, up_to, judge, cli) -> None:
    run = up_to(world, "extract")
    away = instructions(world).rename(world.root / "away")

    with pytest.raises(Unavailable, match="not there"):
        run.validate(judge)
    code, answer = cli("delete", "--due")
    assert (code, answer["deleted"]) == (4, [])
    assert "not there" in answer["failed"][0]["message"]

    away.rename(instructions(world))
    assert run.validate(judge) is True


# --- expired ------------------------------------------------------------------------------------


@pytest.mark.vector("instruction-expired")
@pytest.mark.parametrize("step", ["plan", "extract", "validate", "seal", "deliver", "confirm"])
def test_instruction_that_expired_before_a_step(world, refuses, judge, up_to, step) -> None:
    names = ["plan", "extract", "validate", "seal", "deliver", "confirm"]

    def soon(fields: Fields) -> None:
        fields["valid"]["until"] = timestamp(world.clock() + timedelta(days=1))

    done = names.index(step)
    run = up_to(world, names[done - 1], edit=soon) if done else world.open_run(edit=soon)
    steps = world.steps(run, judge) | {"confirm": lambda: run.confirm(world.landing())}
    world.clock.advance(days=1)

    with refuses(at="instruction durand-2026", saying="it was valid until"):
        steps[step]()
    assert run.story.has("stopped") == (done > 1)
    assert run.story.has("deleted") == (done > 1)


def test_already_opened_run_is_verified_without_its_window(world, judge) -> None:
    """So that it is its next step that meets the end, and deletes what was extracted."""
    run = world.open_run()
    envelope = run.story.instruction_envelope
    world.clock.advance(days=400)

    assert verify(envelope, world.settings.trust(), None).digest
    run.open(envelope, world.source().label, str(world.landing_path))
    assert kinds_of(world, run.id) == ["opened"]
    assert read_signed(instructions(world) / "durand.yaml") == envelope
