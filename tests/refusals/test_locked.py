"""Copies that a bucket does not let go of: told with the date, and tried again after it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from remit.adapters.s3 import S3Place, S3Store
from remit.custody import Deployment, Run, execute_due, survey
from remit.errors import Refused
from remit.instruction import read_signed
from remit.narrative import tell
from remit.narrative.words import moment
from remit.plan.words import ENGLISH
from remit.testing.s3 import S3Server
from remit.testing.world import World

pytestmark = pytest.mark.slow

BUCKETS = (f"locked-{number}" for number in itertools.count())
FOREVER = "2999-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


class Staged:
    """A run that is extracted into a bucket whose objects can be locked, and due."""

    def __init__(self, world: World, server: S3Server, judge: Any) -> None:
        self.bucket = next(BUCKETS)
        self.world, self.client = world, server.client()
        store = S3Store(S3Place.parse(server.create_bucket(self.bucket, locked=True)))
        self.deployment: Deployment = replace(world.deployment(), staging=store)
        self.run = Run("durand-test", self.deployment, "test")
        envelope = read_signed(world.instruct())
        self.run.open(envelope, world.source().label, str(world.landing_path))
        steps = world.steps(self.run, judge)
        steps["plan"]()
        steps["extract"]()
        self.files = [file.path for file in store.list(self.run.id)]
        world.clock.advance(days=8)

    def lock(self, path: str, how: str) -> None:
        name = {"Bucket": self.bucket, "Key": f"staging/{path}"}
        if how == "hold":
            self.client.put_object_legal_hold(**name, LegalHold={"Status": "ON"})
        else:
            until = {"Mode": how, "RetainUntilDate": FOREVER}
            self.client.put_object_retention(**name, Retention=until)

    def lift(self, path: str) -> None:
        name = {"Bucket": self.bucket, "Key": f"staging/{path}"}
        self.client.put_object_legal_hold(**name, LegalHold={"Status": "OFF"})

    def left(self) -> list[str]:
        return [file.path for file in self.deployment.staging.list(self.run.id)]

    def execute(self, **how: bool) -> list[Any]:
        return list(execute_due(self.deployment, "test", self.world.landing, **how))


@pytest.fixture
def staged(world, server, judge, monkeypatch) -> Staged:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Staged(world, server, judge)


@pytest.mark.vector("copy-locked")
@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_retention_is_told_with_its_end_and_all_else_goes(staged, refuses, mode) -> None:
    locked, *others = staged.files
    assert others
    staged.lock(locked, mode)

    with refuses(at=locked, saying=f"not deleted: locked until {FOREVER}."):
        staged.run.delete(staged.world.landing)

    assert staged.left() == [locked]
    assert not staged.deployment.keys.exists(staged.run.id)
    last = staged.run.story.records[-1]
    assert last.kind == "undeleted"
    assert (last.data["until"], last.data["again"]) == (FOREVER, FOREVER)
    assert [copy["until"] for copy in last.data["copies"]] == [FOREVER]
    assert f"is tried again on {moment(FOREVER, ENGLISH)}" in tell(last)[0]

    found = survey(staged.deployment.log, staged.world.clock())
    assert (found.due, [one.run for one in found.locked]) == ([], [staged.run.id])
    assert found.locked[0].locked.until == datetime(2999, 1, 1, tzinfo=UTC)
    known = len(staged.run.story.records)
    assert staged.execute() == []  # in vain until then
    assert len(staged.run.story.records) == known


def test_legal_hold_of_the_bucket_is_tried_daily_and_by_hand(staged) -> None:
    locked = staged.files[0]
    staged.lock(locked, "hold")

    [one] = staged.execute()
    assert isinstance(one.error, Refused)
    assert (one.error.code, staged.left()) == ("copy-locked", [locked])
    assert staged.run.story.last("undeleted")["until"] is None
    assert staged.execute() == []
    [again] = staged.execute(locked=True)
    assert "somebody lifts the storage's legal hold" in str(again.error)

    staged.lift(locked)
    staged.world.clock.advance(days=1, seconds=2)
    [done] = staged.execute()
    assert done.deleted
    assert staged.run.story.last("deleted")["copies"] == len(staged.files)
    assert staged.left() == []
