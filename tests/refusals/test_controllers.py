"""Whose signatures an instruction must have: each controller's, and as many of its keys as asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.custody import Run
from remit.errors import Refused, Unavailable
from remit.instruction import (
    PAYLOAD_TYPE,
    TrustStore,
    VerifiedInstruction,
    digest_of,
    envelope_path,
    parse,
    read_signed,
    verify,
)
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.controller import Edit
from remit.testing.world import World

Fields = dict[str, Any]
DURAND, MARTIN = "controller durand", "controller martin"
SIGNATURE = "the instruction's signature"


@pytest.fixture
def key(world: World) -> Callable[..., Any]:
    """Makes a signer; the processor trusts it as each of the controllers named."""

    def make(name: str, *controllers: str) -> Any:
        path = world.root / f"{name}.pem"
        if not path.exists():
            signing.new_key("signing", path)
        for controller in controllers:
            folder = world.settings.include / "controllers" / controller / "keys"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.pub").write_bytes((world.root / f"{name}.pem.pub").read_bytes())
        return signing.load_signer(str(path))

    return make


@pytest.fixture
def own(world: World) -> Any:
    """The key that the world's controller has from the beginning."""
    return signing.load_signer(str(world.root / "controller" / "controller.pem"))


def signed(world: World, *signers: Any, edit: Edit | None = None) -> Path:
    path = world.instruct(edit)
    envelope = None
    for signer in signers:
        envelope = signing.sign(path.read_bytes(), PAYLOAD_TYPE, signer, onto=envelope)
    envelope_path(path).write_bytes(envelope or b"")
    return path


def accepted(world: World, path: Path) -> VerifiedInstruction:
    return verify(read_signed(path), world.settings.trust(), world.clock())


def threshold(world: World, text: str | bytes, controller: str = "durand") -> Path:
    path = world.settings.include / "controllers" / controller / "threshold"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def asking(count: int) -> Edit:
    return lambda fields: fields["controller"].update(signatures=count)


def with_martin(fields: Fields) -> None:
    other = copy.deepcopy(fields["controller"])  # YAML would have the contact once, as an alias
    other.update(name="martin", legal_name="Clinique Martin SAS")
    fields["joint_controllers"] = [other]


# --- m of n -------------------------------------------------------------------------------------


@pytest.mark.vector("signature-missing")
def test_fewer_signatures_than_the_trust_folder_asks_for(world, own, key, refuses, cli) -> None:
    key("second", "durand")
    threshold(world, "2\n")
    path = signed(world, own)

    with refuses(at=DURAND, saying="1 of the 2 signatures that it must have are there"):
        accepted(world, path)
    cli.refused("instruction", "verify", path, at=DURAND, saying="1 of the 2 signatures")
    options = ("--source", world.source_url, "--landing", world.landing_path)
    cli.refused("run", path, *options, at=DURAND, saying="1 of the 2 signatures")
    cli.refused("instruction", "receive", path, at=DURAND, saying="1 of the 2 signatures")

    second = world.root / "second.pem"
    assert cli("instruction", "sign", path, "--key", second)[0] == 0  # as the way out says
    assert cli("instruction", "verify", path)[0] == 0


@pytest.mark.vector("signature-missing")
def test_fewer_signatures_than_the_instruction_itself_asks_for(world, own, key, refuses) -> None:
    second = key("second", "durand")

    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        accepted(world, signed(world, own, edit=asking(2)))
    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        accepted(world, signed(world, second, edit=asking(2)))
    assert accepted(world, signed(world, own, second, edit=asking(2)))


@pytest.mark.vector("signature-missing")
@pytest.mark.parametrize(("said", "asked"), [("3", 2), ("2", 3)])
def test_the_higher_number_counts(world, own, key, refuses, said, asked) -> None:
    signers = [own, key("second", "durand"), key("third", "durand")]
    threshold(world, said)

    with refuses(at=DURAND, saying="2 of the 3 signatures"):
        accepted(world, signed(world, *signers[:2], edit=asking(asked)))
    assert accepted(world, signed(world, *signers, edit=asking(asked)))


def test_any_two_of_three_keys_will_do(world, own, key) -> None:
    second, third = key("second", "durand"), key("third", "durand")
    threshold(world, "2")

    for pair in ((own, second), (own, third), (third, second)):
        assert accepted(world, signed(world, *pair))


@pytest.mark.vector("signature-missing")
def test_one_key_in_two_files_signs_once(world, own, refuses) -> None:
    keys = world.settings.include / "controllers" / "durand" / "keys"
    (keys / "again.pub").write_bytes((keys / "controller.pub").read_bytes())
    threshold(world, "2")

    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        accepted(world, signed(world, own))
    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        accepted(world, signed(world, own, own))
    threshold(world, "1")
    assert accepted(world, signed(world, own))


@pytest.mark.vector("signature-missing")
def test_more_signatures_asked_for_than_there_are_keys(world, own, refuses) -> None:
    threshold(world, "99")

    with refuses(at=DURAND, saying="1 of the 99 signatures"):
        accepted(world, signed(world, own))


@pytest.mark.vector("signer-not-trusted")
def test_stranger_does_not_make_up_for_a_second_signature(world, own, key, refuses) -> None:
    threshold(world, "2")

    with refuses(at=SIGNATURE, saying="not among the trusted keys"):
        accepted(world, signed(world, own, key("stranger")))


@pytest.mark.vector("controller-unknown")
@pytest.mark.parametrize(
    "text",
    ["", "\n", "two", "0", "-1", "+2", "02", "1.0", "1,5", "100", "2 of 3", "1\n2", "²", b"\xff", b"\x002"],
)  # fmt: skip
def test_threshold_file_that_says_no_number(world, own, key, refuses, cli, text) -> None:
    path = threshold(world, text)
    file = signed(world, own, key("second", "durand"))

    with refuses(at=str(path), saying="does not say how many of the controller's keys must sign"):
        accepted(world, file)
    cli.refused("instruction", "verify", file, at=str(path), saying="does not say how many")


@pytest.mark.parametrize("what", ["a link that leads nowhere", "a folder", "a circle"])
def test_threshold_that_cannot_be_read_is_not_taken_for_one(world, own, what) -> None:
    path = threshold(world, "2")
    path.unlink()
    if what == "a folder":
        path.mkdir()
    else:
        path.symlink_to(path if what == "a circle" else path.with_name("not-mounted"))

    with pytest.raises(Unavailable) as caught:
        accepted(world, signed(world, own))
    assert caught.value.where == str(path)


@pytest.mark.parametrize("what", ["a link that leads nowhere", "a folder"])
def test_key_file_that_cannot_be_read_is_unavailable(world, own, what) -> None:
    path = world.settings.include / "controllers" / "durand" / "keys" / "second.pub"
    path.mkdir() if what == "a folder" else path.symlink_to(path.with_name("not-mounted"))

    with pytest.raises(Unavailable) as caught:
        accepted(world, signed(world, own))
    assert caught.value.where == str(path)


# --- joint controllers --------------------------------------------------------------------------


@pytest.mark.vector("signature-missing")
def test_each_of_joint_controllers_signs(world, own, key, refuses) -> None:
    martin = key("martin", "martin")

    with refuses(at=MARTIN, saying="0 of the 1 signatures"):
        accepted(world, signed(world, own, edit=with_martin))
    with refuses(at=DURAND, saying="0 of the 1 signatures"):
        accepted(world, signed(world, martin, edit=with_martin))
    assert accepted(world, signed(world, martin, own, edit=with_martin))


@pytest.mark.vector("signature-missing")
def test_each_of_joint_controllers_has_its_own_number(world, own, key, refuses) -> None:
    martin, second = key("martin", "martin"), key("martin-2", "martin")
    threshold(world, "2", "martin")

    with refuses(at=MARTIN, saying="1 of the 2 signatures"):
        accepted(world, signed(world, own, martin, edit=with_martin))
    assert accepted(world, signed(world, own, martin, second, edit=with_martin))


@pytest.mark.vector("signature-missing")
def test_key_of_one_controller_does_not_count_for_another(world, own, key, refuses) -> None:
    key("martin", "martin")
    second = key("durand-2", "durand")

    with refuses(at=MARTIN, saying="0 of the 1 signatures"):
        accepted(world, signed(world, own, second, edit=with_martin))


@pytest.mark.vector("signature-missing")
def test_key_that_two_controllers_share_is_the_signature_of_neither(
    world, own, key, refuses
) -> None:
    shared = key("shared", "durand", "martin")

    with refuses(at=DURAND, saying="0 of the 1 signatures"):
        accepted(world, signed(world, shared, edit=with_martin))
    with refuses(at=MARTIN, saying="0 of the 1 signatures"):
        accepted(world, signed(world, own, shared, edit=with_martin))
    assert accepted(world, signed(world, own, shared, key("martin", "martin"), edit=with_martin))
    assert accepted(world, signed(world, shared))  # alone, it signs for whom it is


def test_folder_of_keys_that_does_not_tell_controllers_apart_takes_each_for_both(
    world, own, key
) -> None:
    martin = key("martin")
    flat = world.root / "flat"
    flat.mkdir()
    for name, path in (("a", world.root / "martin.pem.pub"), ("b", keys_of_durand(world))):
        (flat / f"{name}.pub").write_bytes(path.read_bytes())
    path = signed(world, own, martin, edit=with_martin)

    assert verify(read_signed(path), TrustStore(flat, flat=True), None)


def keys_of_durand(world: World) -> Path:
    return world.settings.include / "controllers" / "durand" / "keys" / "controller.pub"


@pytest.mark.vector("controller-unknown")
def test_joint_controller_whom_nobody_knows(world, own, refuses) -> None:
    with refuses(at=MARTIN, saying="no trusted key of this controller"):
        accepted(world, signed(world, own, edit=with_martin))


@pytest.mark.vector("signer-not-trusted")
def test_key_of_a_controller_that_the_instruction_does_not_name(world, own, key, refuses) -> None:
    with refuses(at=SIGNATURE, saying="not among the trusted keys"):
        accepted(world, signed(world, own, key("martin", "martin")))


@pytest.mark.vector("instruction-invalid")
def test_controller_named_twice_to_be_counted_twice(world, own, refuses) -> None:
    def twice(fields: Fields) -> None:
        fields["joint_controllers"] = [copy.deepcopy(fields["controller"])]

    with pytest.raises(Refused, match="controller durand appears twice") as caught:
        accepted(world, signed(world, own, edit=twice))
    refuses.check(caught.value.as_json(), caught.value.where, "appears twice")


# --- while a run is under way -------------------------------------------------------------------


@pytest.mark.vector("signature-missing")
def test_number_that_is_raised_holds_runs_under_way_and_ends_none(
    world, up_to, judge, refuses
) -> None:
    run = up_to(world, "extract")
    path = threshold(world, "2")

    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        run.validate(judge)
    assert not run.story.has("stopped")

    path.unlink()
    assert run.validate(judge) is True


@pytest.mark.vector("signature-missing")
def test_second_version_with_too_few_signatures_leaves_the_first_in_force(
    world, own, key, refuses, judge
) -> None:
    second = key("second", "durand")
    threshold(world, "2")
    path = signed(world, own, second)
    run = Run("durand-test", world.deployment(), "test")
    run.open_file(path, world.source().label, str(world.landing_path))
    replaced = {"version": 1, "digest": digest_of(path.read_bytes())}

    def edit(fields: Fields) -> None:
        fields.update(version=2, supersedes=replaced)

    later = world.controller.instruct(world.parties, "durand-2.yaml", edit)
    world.deliver(run, judge)

    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        Run("durand-2", world.deployment(), "test").open_file(later, "source", "landing")


@pytest.mark.vector("instruction-revoked")
def test_one_signature_is_enough_to_revoke_whatever_number_is_asked_for(
    world, own, key, refuses
) -> None:
    second = key("second", "durand")
    threshold(world, "2")
    path = signed(world, own, second, edit=asking(2))
    text = path.read_bytes()
    reason = "The laboratory moves later than planned"
    envelope = revoke(parse(text), digest_of(text), reason, world.clock(), second)
    revocation_path(path).write_bytes(envelope)

    with refuses(at="instruction durand-2026 version 1", saying="the controller revoked it"):
        Run("durand-test", world.deployment(), "test").open_file(path, "source", "landing")


# --- a folder with the keys alone ---------------------------------------------------------------


@pytest.mark.vector("signature-missing")
def test_reader_who_names_a_folder_of_keys_can_ask_for_two_as_well(
    world, own, key, refuses
) -> None:
    key("second", "durand")
    flat = world.root / "flat"
    flat.mkdir()
    for path in (world.settings.include / "controllers" / "durand" / "keys").iterdir():
        (flat / path.name).write_bytes(path.read_bytes())
    envelope = read_signed(signed(world, own))
    trust = TrustStore(flat, flat=True)
    assert verify(envelope, trust, None)

    (flat / "threshold").write_text("2")
    with refuses(at=DURAND, saying="1 of the 2 signatures"):
        verify(envelope, trust, None)
