"""What is refused once a key is revoked, and who may revoke which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.custody import Run
from remit.instruction import PAYLOAD_TYPE, envelope_path
from remit.instruction.reading import digest_of
from remit.testing.world import World

CAMILLE = "camille.moreau@migrations.example"
UpTo = Callable[..., Run]


@pytest.fixture
def revoke(world: World, cli: Any) -> Callable[..., Any]:
    """`remit keys revoke` by somebody whom the instruction names."""

    def go(key: object, *options: object) -> Any:
        code, answer = cli(
            "keys", "revoke", key, "--reason", "laptop stolen", "--by", CAMILLE, *options
        )
        assert code == 0, answer
        return answer

    return go


def recipient(world: World) -> Path:
    return world.root / "target" / "recipient.pem.pub"


def receipts(world: World) -> Path:
    return world.root / "target" / "receipts.pem.pub"


def processor(world: World) -> Path:
    return world.root / "processor" / "keys" / "processor.pem.pub"


def controller(world: World) -> Path:
    return world.root / "controller" / "controller.pem.pub"


# --- a recipient's key ----------------------------------------------------------------------------


@pytest.mark.vector("recipient-key-revoked")
@pytest.mark.parametrize("last", ["plan", "validate", "seal"])
def test_nothing_is_sealed_or_delivered_to_a_revoked_key(
    world, up_to, revoke, refuses, left_nothing, last
) -> None:
    run = up_to(world, last)
    revoke(recipient(world))
    steps = world.steps(run)
    after = list(steps)[list(steps).index(last) + 1]

    with refuses(at="…", saying="whoever has it could read what kalisil may"):
        steps[after]()

    left_nothing(world)
    assert run.story.has("deleted") is (last != "plan")


@pytest.mark.vector("recipient-key-revoked")
def test_no_run_is_opened_or_planned_for_a_revoked_key(world, up_to, revoke, refuses, cli) -> None:
    up_to(world, "open")
    revoke(recipient(world))
    options = ("--source", world.source_url, "--landing", world.landing_path)

    at = f"key {signing.load_public(recipient(world)).key_id[:16]}…"
    cli.refused("run", world.instruct(), *options, at=at, saying="revoked by Camille Moreau")
    code, plan = cli("plan", world.instruct(), *options[:2])
    assert code == 3
    refuses.check(plan["refusals"][0], at, "revoked by Camille Moreau")


@pytest.mark.vector("recipient-key-revoked")
def test_delivery_that_nobody_confirmed_is_taken_back(world, up_to, revoke, refuses) -> None:
    run = up_to(world, "deliver")
    revoke(recipient(world))

    with refuses(at="…", saying="whoever has it could read"):
        run.confirm(world.landing())

    assert [r.kind for r in run.story.records if r.kind != "deleting"][-3:] == [
        "refused", "stopped", "deleted",
    ]  # fmt: skip
    assert not list(world.landing_path.glob("*/*.parquet"))


def test_delivery_that_was_taken_in_before_is_confirmed_all_the_same(world, up_to, revoke) -> None:
    run = up_to(world, "deliver")
    world.ingest(run)
    revoke(recipient(world))

    assert run.confirm(world.landing()) is True


def test_the_deletion_dag_takes_it_back_as_well(world, up_to, revoke, left_nothing) -> None:
    run = up_to(world, "deliver")
    revoke(recipient(world))

    assert run.withdraw(world.landing) is True
    left_nothing(world)


# --- the target's receipt key ---------------------------------------------------------------------


@pytest.mark.vector("receipt-key-revoked")
def test_receipt_under_a_revoked_key_confirms_nothing(world, up_to, revoke, refuses) -> None:
    run = up_to(world, "deliver")
    world.ingest(run)
    revoke(receipts(world))

    with refuses(at="the target's receipt", saying="no longer confirms anything"):
        run.confirm(world.landing())

    assert not run.story.has("confirmed")
    assert list(world.landing_path.glob("*/results.parquet"))


@pytest.mark.vector("receipt-key-revoked")
def test_no_run_begins_whose_receipt_could_not_count(world, up_to, revoke, refuses) -> None:
    run = up_to(world, "plan")
    revoke(receipts(world))

    with refuses(at="receipt_key", saying="no longer confirms anything"):
        run.extract(world.source(), lambda *_: None)


def test_receipt_under_the_next_key_confirms(world, up_to, revoke, judge) -> None:
    following = signing.new_key("signing", world.root / "target" / "next.pem")

    def edit(fields: dict[str, Any]) -> None:
        fields["recipients"][0]["next_receipt_key"] = str(following)

    run = up_to(world, "deliver", edit=edit)
    revoke(receipts(world))
    (world.root / "target" / "receipts.pem").write_bytes(
        (world.root / "target" / "next.pem").read_bytes()
    )
    world.ingest(run)

    assert run.confirm(world.landing()) is True
    assert following.key_id in run.story.last("confirmed")["receipt"]


# --- the controller's key -------------------------------------------------------------------------


@pytest.mark.vector("controller-key-revoked")
def test_signature_of_a_revoked_key_counts_no_more(world, up_to, revoke, refuses, stopped) -> None:
    run = up_to(world, "extract")
    revoke(controller(world))

    with refuses(at="controller durand", saying="0 of the 1 signatures"):
        run.validate(None)
    stopped(world, run)


@pytest.mark.vector("controller-key-revoked")
def test_version_under_a_stolen_key_is_not_received(world, up_to, revoke, refuses) -> None:
    """Or it would supersede the version that the controller signed with its other key."""
    path = world.instruct()
    other = signing.new_key("signing", world.root / "other.pem")
    trusted = world.settings.include / "controllers" / "durand" / "keys" / "other.pub"
    trusted.write_text(f"{other}\n")
    both = signing.sign(
        path.read_bytes(), PAYLOAD_TYPE, signing.load_signer(str(world.root / "other.pem")),
        onto=envelope_path(path).read_bytes(),
    )  # fmt: skip
    envelope_path(path).write_bytes(both)
    run = Run("durand-test", world.deployment(), "test")
    run.open_file(path, world.source().label, str(world.landing_path))
    revoke(controller(world))
    replaced = {"version": 1, "digest": digest_of(path.read_bytes())}
    stolen = world.controller.instruct(
        world.parties, "stolen.yaml", lambda f: f.update(version=2, supersedes=replaced)
    )

    with refuses(at="controller durand", saying="0 of the 1 signatures"):
        Run("another", world.deployment(), "test").open_file(
            stolen, world.source().label, str(world.landing_path)
        )
    world.steps(run)["plan"]()

    received = world.deployment().log.records("register:instructions")
    assert [r.data["instruction"]["version"] for r in received] == [1]


# --- the processor's own key ----------------------------------------------------------------------


@pytest.mark.vector("processor-key-revoked")
def test_every_step_waits_until_the_key_is_rotated(
    world, up_to, revoke, refuses, cli, judge, rotated_to
) -> None:
    following = signing.new_key("signing", world.root / "next.pem")
    names = lambda f: f["processor"].update(next_signing_key=str(following))  # noqa: E731
    run = up_to(world, "extract", edit=names)
    revoke(processor(world))

    with refuses(at="…", saying="nobody could rely on what is signed now"):
        run.validate(None)
    assert not run.story.has("stopped")

    assert cli("keys", "rotate", world.root / "next.pem")[0] == 0
    run = rotated_to(world, "next.pem", run.id)
    assert run.validate(judge) is True


@pytest.mark.vector("processor-key-revoked")
def test_run_whose_instruction_names_no_other_key_ends_after_the_rotation(
    world, up_to, revoke, refuses, cli, rotated_to, stopped
) -> None:
    run = up_to(world, "extract")
    revoke(processor(world))
    signing.new_key("signing", world.root / "next.pem")
    assert cli("keys", "rotate", world.root / "next.pem")[0] == 0  # although a run is staged

    run = rotated_to(world, "next.pem", run.id)
    with refuses(at="processor.signing_key", saying="the instruction names no other"):
        run.validate(None)
    stopped(world, run)


@pytest.mark.vector("processor-key-revoked")
def test_what_was_delivered_is_confirmed_after_the_rotation(
    world, up_to, revoke, refuses, cli, rotated_to
) -> None:
    run = up_to(world, "deliver")
    revoke(processor(world))
    world.ingest(run)

    assert run.withdraw(world.landing) is False
    with refuses(at="…", saying="nobody could rely on what is signed now"):
        run.confirm(world.landing())
    signing.new_key("signing", world.root / "next.pem")
    assert cli("keys", "rotate", world.root / "next.pem")[0] == 0
    run = rotated_to(world, "next.pem", run.id)
    assert run.confirm(world.landing()) is True
    assert run.delete(world.landing) is True


# --- who may revoke what --------------------------------------------------------------------------


@pytest.mark.vector("key-unknown")
@pytest.mark.parametrize("command", ["revoke", "impact"])
def test_key_that_nothing_here_has_to_do_with(world, up_to, cli, command) -> None:
    up_to(world, "open")
    stranger = signing.new_key("recipient", world.root / "stranger.pem")
    options = ["--reason", "lost it", "--by", CAMILLE] if command == "revoke" else []

    at, saying = f"key {stranger.key_id[:16]}…", "no instruction that was received names it"
    cli.refused("keys", command, str(stranger), *options, at=at, saying=saying)


@pytest.mark.vector("person-not-authorised")
def test_person_whom_no_instruction_names(world, up_to, cli) -> None:
    up_to(world, "open")
    key = recipient(world)

    options = ("--reason", "lost it", "--by", "mallory@example.org")
    at = "instruction durand-2026"
    cli.refused("keys", "revoke", key, *options, at=at, saying="does not name this person")
    assert cli("keys", "revoke", key, *options)[0] == 3
    [attempted] = world.deployment().log.records("register:alerts")
    assert attempted.data["what"].startswith("revoke key ")
    assert (attempted.data["why"], attempted.data["run"]) == ("person-not-authorised", None)


def test_trusted_key_that_never_signed_can_be_revoked(world, up_to, revoke) -> None:
    up_to(world, "open")
    trusted = world.settings.include / "controllers" / "durand" / "keys" / "spare.pub"
    trusted.write_text(f"{signing.new_key('signing', world.root / 'spare.pem')}\n")

    assert revoke(trusted)["revoked"] is True


def test_revoked_again_only_an_earlier_time_is_news(world, up_to, revoke) -> None:
    up_to(world, "open")
    key = receipts(world)

    assert revoke(key)["revoked"] is True
    assert revoke(key)["revoked"] is False
    assert revoke(key, "--since", "2024-01-01T00:00:00+01:00")["revoked"] is True
    assert revoke(key, "--since", "2024-02-01T00:00:00+01:00")["revoked"] is False


# --- rotating the processor's key -----------------------------------------------------------------


@pytest.fixture
def rotated_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run taken up under another signing key."""

    def go(world: World, name: str, run: str) -> Run:
        monkeypatch.setattr(
            World,
            "environment",
            property(
                lambda self: {
                    "REMIT_HOME": str(self.root / "processor"),
                    "REMIT_INCLUDE": str(self.root / "include"),
                    "REMIT_SIGNING_KEY": str(self.root / name),
                }
            ),
        )
        monkeypatch.setenv("REMIT_SIGNING_KEY", str(world.root / name))
        return Run(run, world.deployment(), "test")

    return go


@pytest.mark.vector("rotation-runs-open")
@pytest.mark.parametrize("last", ["extract", "validate"])
def test_no_rotation_while_a_run_is_staged(world, up_to, cli, judge, last) -> None:
    run = up_to(world, last)
    signing.new_key("signing", world.root / "next.pem")

    cli.refused("keys", "rotate", world.root / "next.pem", at=run.id, saying="the old key alone")
    run.seal() if last == "validate" else run.validate(judge)


@pytest.mark.vector("signing-key-used")
def test_no_rotation_back_to_a_key_that_signed(world, up_to, cli, rotated_to) -> None:
    run = up_to(world, "open")
    old = world.root / "processor" / "keys" / "processor.pem"
    at = f"signing key {signing.load_public(processor(world)).key_id[:16]}…"

    cli.refused("keys", "rotate", old, at=at, saying="signed this log before")
    signing.new_key("signing", world.root / "next.pem")
    assert cli("keys", "rotate", world.root / "next.pem")[0] == 0
    rotated_to(world, "next.pem", run.id)
    cli.refused("keys", "rotate", old, at=at, saying="signed this log before")


@pytest.mark.vector("signing-key-rotated")
def test_old_key_signs_nothing_more(world, up_to, cli, refuses) -> None:
    run = up_to(world, "validate", edit=lambda f: f["processor"].update(
        next_signing_key=str(signing.new_key("signing", world.root / "next.pem"))))  # fmt: skip
    assert cli("keys", "rotate", world.root / "next.pem")[0] == 0
    before = len(run.story.records)

    for act in (run.seal, lambda: run.delete(world.landing)):
        with refuses(at="REMIT_SIGNING_KEY", saying="was rotated away"):
            act()

    assert len(run.story.records) == before
    assert list((world.root / "processor" / "keyring").glob("*.key"))  # nothing was lost by it
