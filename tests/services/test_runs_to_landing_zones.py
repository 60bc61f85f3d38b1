"""Whole runs to zones that are no folders: delivered, received, confirmed, deleted; or killed between."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from remit.cli import main
from remit.custody import Run
from remit.errors import Unavailable
from remit.ports import Rule, Verdict
from remit.testing.controller import Edit
from remit.testing.faulty_network import FaultyProxy
from remit.testing.s3 import S3Server
from remit.testing.sftp import SftpServer
from remit.testing.world import World

pytestmark = pytest.mark.slow

BACKOFF = "botocore.retries.standard.ExponentialBackoff.delay_amount"


@contextmanager
def on_sftp(world: World) -> Any:
    with SftpServer() as server, FaultyProxy("127.0.0.1", server.port) as proxy:
        world.landing_spec = server.url(proxy.port)
        security = {"transport": "sftp", "endpoint": server.fingerprint}
        yield proxy, lambda fields: fields["security"].update(security)


@contextmanager
def on_s3(world: World) -> Any:
    with S3Server() as server:
        os.environ.update(server.environment)
        port = int(server.endpoint.rpartition(":")[2])
        with FaultyProxy("127.0.0.1", port) as proxy:
            spec = server.create_bucket("kalisil", versioned=True)
            world.landing_spec = spec.replace(f"%3A{port}", f"%3A{proxy.port}")
            yield proxy, lambda fields: fields["security"].update(transport="s3")


Zone = Callable[[World], AbstractContextManager[Any]]
ZONES = pytest.mark.parametrize("zone", [on_sftp, on_s3])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BACKOFF, lambda *_: 0)  # between the library's tries
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION",
                 "AWS_EC2_METADATA_DISABLED"):  # fmt: skip
        monkeypatch.setenv(name, "")


class Anything:
    """Judges nothing: validation is not the subject here."""

    engine = "a test's judge"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


def receive(world: World, run: Run) -> None:
    """As the target: fetch what is there, load it, put the receipt beside it."""
    landing = run.zone(world.landing)
    folder = world.landing_path / run.id
    folder.mkdir(parents=True)
    for stored in landing.list(run.id):
        with landing.open(stored.path) as there:
            (world.landing_path / stored.path).write_bytes(there.read())
    world.target.ingest(folder, world.settings.trust())
    draft = landing.create(f"{run.id}/receipt.dsse.json")
    draft.write((folder / "receipt.dsse.json").read_bytes())
    draft.publish()


def sealed(world: World, edit: Edit) -> Run:
    run = world.open_run(edit=edit)
    steps = world.steps(run, Anything())
    for name in ("plan", "extract", "validate", "seal"):
        steps[name]()
    return run


def deliver_and_cut(world: World, run: Run, proxy: FaultyProxy) -> None:
    """Begin to send, and lose the network amid it."""
    landing = world.landing()
    publish = landing.publish

    def cut(*sent: Any) -> None:
        proxy.cut_after(10_000)
        publish(*sent)

    landing.publish = cut  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        run.deliver(landing)


@ZONES
def test_delivery_that_is_cut_goes_on_and_is_received_confirmed_and_deleted(
    world: World, zone: Zone
) -> None:
    with zone(world) as (proxy, edit):
        run = sealed(world, edit)
        deliver_and_cut(world, run, proxy)
        proxy.heal()
        assert not run.zone(world.landing).exists(f"{run.id}/manifest.dsse.json")

        assert run.deliver(world.landing()) is True
        assert run.deliver(world.landing()) is False
        assert run.confirm(world.landing()) is None
        receive(world, run)
        assert run.confirm(world.landing()) is True
        world.clock.advance(days=8)
        assert run.delete(world.landing) is True
        left = [file.path for file in run.zone(world.landing).list(run.id)]
    assert left == [f"{run.id}/receipt.dsse.json"]  # the target's


@ZONES
def test_delivery_that_is_cut_is_deleted_when_due(world: World, zone: Zone) -> None:
    with zone(world) as (proxy, edit):
        run = sealed(world, edit)
        deliver_and_cut(world, run, proxy)
        world.clock.advance(days=8)
        with pytest.raises(Unavailable):
            run.delete(world.landing)
        assert not run.story.has("deleted")

        proxy.heal()
        assert run.delete(world.landing) is True
        assert run.zone(world.landing).list(run.id) == []


def test_run_on_the_command_line_finds_its_zone_again(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("remit.cli.runs.open_judge", Anything)
    with SftpServer() as server:
        security = {"transport": "sftp", "endpoint": server.fingerprint}
        file: Path = world.instruct(lambda fields: fields["security"].update(security))
        arguments = ["--source", world.source_url, "--landing", server.url()]
        assert main(["run", str(file), *arguments, "--run", "by-hand"]) == 0
        assert main(["confirm", "by-hand"]) == 4  # there is no receipt yet
        assert (server.zone / "by-hand/manifest.dsse.json").exists()
    assert "PRIVATE" not in str(capsys.readouterr())
