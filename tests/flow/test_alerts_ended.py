"""Copies that outlive their instruction, where nobody executes deletions: supervision tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.flow.alerting import CAMILLE, go, kinds, look, supervised

from remit import signing
from remit.custody import Register
from remit.evidence import timestamp
from remit.instruction import digest_of, parse
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.world import World


def ending(world: World) -> Any:
    until = timestamp(world.clock() + timedelta(hours=2))
    return lambda f: (supervised(f), f["valid"].update(until=until))


def test_copies_whose_instruction_ended_are_overdue_where_nobody_executes_that(
    world: World,
) -> None:
    go(world, "deliver", edit=ending(world))
    assert kinds(look(world)) == ["instruction-ending"]
    world.clock.advance(hours=2, minutes=59)
    assert kinds(look(world)) == []
    world.clock.advance(minutes=2)

    [alert] = look(world).raised

    assert (alert.kind, alert.severity) == ("deletion-overdue", "critical")
    assert "Its instruction ended at" in alert.message


def test_so_are_those_whose_instruction_was_revoked(world: World) -> None:
    go(world, "extract")
    look(world)
    file = world.settings.include / "instructions" / "durand.yaml"
    terms, digest = parse(file.read_bytes()), digest_of(file.read_bytes())
    signer = signing.load_signer(str(world.root / "controller" / "controller.pem"))
    end = revoke(terms, digest, "The contract has ended", world.clock(), signer)
    revocation_path(file).write_bytes(end)
    Register(world.deployment(), "test").revoke_beside(file)
    assert kinds(look(world)) == []
    world.clock.advance(hours=1, minutes=1)
    assert kinds(look(world)) == ["deletion-overdue"]


def test_confirmed_and_held_copies_may_outlive_their_instruction(world: World) -> None:
    keeping = {"after_confirmation": "P5D"}
    edit = ending(world)
    run = go(world, "deliver", edit=lambda f: (edit(f), f["retention"].update(keeping)))
    world.ingest(run)
    run.confirm(world.landing())
    held = go(world, "deliver", "durand-held", lambda f: (edit(f), f["retention"].update(keeping)))
    held.hold(CAMILLE, "An audit is going on", world.clock() + timedelta(days=2))
    look(world)
    world.clock.advance(hours=4)
    assert "deletion-overdue" not in kinds(look(world))
