"""SAN-2025-014 of December 2025: copies that nobody knew of, kept after the contract had ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from remit.adapters.folder import FolderStore
from remit.custody import execute_due
from remit.evidence import timestamp
from remit.testing.canaries import find_planted
from remit.testing.channels import Postbox
from remit.testing.world import World

from .conftest import Processor, noticed, sent


def test_when_the_contract_ends_the_copies_end_with_it(world: World) -> None:
    """Nobody has to think of it: the deletion's own schedule meets it."""

    def ending(fields: dict[str, dict[str, str]]) -> None:
        fields["valid"]["until"] = timestamp(world.clock() + timedelta(hours=1))

    run = world.open_run(edit=ending)
    world.deliver(run)
    assert sent(world)
    assert "instruction-ending" in {alert.kind for alert in noticed(world)}
    world.clock.advance(hours=2, minutes=30)
    assert "deletion-overdue" in {alert.kind for alert in noticed(world)}

    [done] = execute_due(world.deployment(), "test", world.landing)

    assert (done.run, done.error) == (run.id, None)
    assert run.story.last("deleted")["certificate"]
    assert sent(world) == []


def test_a_copy_in_another_environment_that_nobody_recorded_is_found(
    world: World, processor: Processor
) -> None:
    code, said = processor.run()
    assert code == 0
    copy = world.root / "processor" / "staging" / "recette-2025-copy"
    copy.mkdir()
    for file in (world.landing_path / said["run"]).glob("*.parquet"):
        (copy / file.name).write_bytes(file.read_bytes())

    code, found = processor("sweep")

    assert code == 0
    [orphan] = found["orphans"]
    assert (orphan["files"], orphan["new"]) == (2, True)
    assert processor("evidence", "show", "register:orphans")[1]["records"]
    [alert] = noticed(world)
    assert (alert.kind, alert.severity, alert.controllers) == ("orphans", "high", ("durand",))


def test_it_is_told_up_to_the_controller(world: World, processor: Processor) -> None:
    """Where nobody answers for it, the controller's own contact hears of it within the day."""
    processor.run()
    copy = world.root / "processor" / "staging" / "recette-2025-copy"
    copy.mkdir()
    (copy / "everybody.csv").write_text("nom;prenom;nir\n")
    processor("sweep")
    postbox = Postbox()
    [alert] = noticed(world, postbox)
    assert postbox.told == [("orphans", "dpo@migrations.example")]
    for _ in range(4):
        world.clock.advance(hours=6)
        noticed(world, postbox)

    told = [email for kind, email in postbox.told if kind == "orphans"]
    assert told[-1] == "helene.durand@durand.example", "the controller's own contact"
    assert alert.chain[-1].email == told[-1]


def test_and_it_is_noise_to_everybody_but_the_recipients(
    world: World, processor: Processor
) -> None:
    code, _ = processor.run()
    assert code == 0

    copies = [world.landing_path, world.root / "processor"]
    assert find_planted(copies, world.laboratory.planted()) == []
    assert list((world.root / "processor" / "keyring").glob("[!.]*")) == []


def test_the_record_of_processing_is_made_of_what_happened(
    world: World, processor: Processor
) -> None:
    code, said = processor.run()
    assert code == 0

    _, record = processor("record")

    [controller] = record["controllers"]
    [instruction] = controller["instructions"]
    [run] = instruction["runs"]
    assert (run["run"], run["deleted_at"], run["rows"] > 0) == (said["run"], None, True)
    assert instruction["special_categories"] == ["health"]


def test_a_certificate_is_not_given_while_a_copy_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.open_run()
    world.deliver(run)
    world.clock.advance(days=8)
    monkeypatch.setattr(FolderStore, "remove", lambda *_: None)  # a store that only says so

    [done] = execute_due(world.deployment(), "test", world.landing)

    assert done.error is not None
    assert not run.story.has("deleted")
    assert {alert.kind for alert in noticed(world)} >= {"deletion-failed", "deletion-overdue"}
