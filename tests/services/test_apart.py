"""A whole run with staging in an S3 API and the ledger in PostgreSQL, as on several machines."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit import signing
from remit.adapters.s3 import S3Store
from remit.delete import PAYLOAD_TYPE
from remit.errors import Refused, Unavailable
from remit.testing.postgres import PostgresCluster
from remit.testing.s3 import S3Server
from remit.testing.world import World
from remit.verification import verify_log
from remit.wiring import open_landing

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture
def apart(
    make_world: Callable[[str], World],
    server: S3Server,
    cluster: PostgresCluster,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    world = make_world("apart")
    name = f"apart-{abs(hash(request.node.name)) % 10**9}"
    elsewhere = {
        "REMIT_STAGING": server.create_bucket(name, versioned=True),
        "REMIT_LEDGER": cluster.create_database(name),
    }
    monkeypatch.setattr(World, "environment", {**world.environment, **elsewhere})
    for variable, value in server.environment.items():
        monkeypatch.setenv(variable, value)
    return world


def staging(world: World) -> S3Store:
    store = world.deployment().staging
    assert isinstance(store, S3Store)
    return store


def test_run_from_instruction_to_certificate(
    apart: World, server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run = apart.open_run()
    apart.deliver(run)
    staged = staging(apart).list(run.id)
    assert staged
    assert not (apart.root / "processor" / "staging").exists()
    apart.ingest(run)
    assert run.confirm(apart.landing()) is True
    apart.clock.advance(days=8)
    assert run.delete(open_landing) is True

    assert staging(apart).list(run.id) == []
    found = server.client().list_object_versions(Bucket=staging(apart)._place.bucket)
    assert [version["Key"] for version in found["Versions"]] == ["staging/.remit/store"]
    assert "DeleteMarkers" not in found
    envelope = run.story.last("deleted")["certificate"].encode()
    own = [signing.key_of(run.deployment.log.signer)]
    certificate = json.loads(signing.open_envelope(envelope, PAYLOAD_TYPE, own, "certificate"))
    places = {copy["where"] for copy in certificate["copies"]}
    assert {f"{staging(apart).label}/{file.path}" for file in staged} <= places
    verify_log(run.deployment.log.ledger, own)
    told = caplog.text + Path(apart.root / "processor" / "witness.dsse.json").read_text()
    told += "".join(json.dumps(record.data) for record in run.story.records)
    for secret in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        assert server.environment[secret] not in told


def test_file_that_is_changed_in_staging_is_refused(apart: World, server: S3Server) -> None:
    run = apart.open_run()
    steps = apart.steps(run)
    steps["plan"]()
    steps["extract"]()
    store = staging(apart)
    file = store.list(run.id)[0]
    server.client().put_object(
        Bucket=store._place.bucket, Key=f"staging/{file.path}", Body=bytes(file.size)
    )

    with pytest.raises(Refused, match="file-changed"):
        steps["validate"]()
    assert store.list(run.id) == []  # both versions are gone with the run


def test_second_machine_is_told_to_come_later_and_goes_on_afterwards(apart: World) -> None:
    here = apart.open_run()
    there = type(here)(here.id, apart.deployment(), "elsewhere")
    with here.locked(), pytest.raises(Unavailable, match="another process is working on it"):
        there.plan(apart.source(), apart.landing(), None)  # type: ignore[arg-type]

    apart.steps(there)["plan"]()
    apart.steps(here)["extract"]()
    assert there.story.has("extracted")


def test_replaced_bucket_does_not_pass_for_one_from_which_copies_are_gone(
    apart: World, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = apart.open_run()
    steps = apart.steps(run)
    steps["plan"]()
    steps["extract"]()
    apart.clock.advance(days=8)
    another = server.create_bucket("another-bucket")
    monkeypatch.setattr(World, "environment", {**apart.environment, "REMIT_STAGING": another})
    later = type(run)(run.id, apart.deployment(), "test")

    with pytest.raises(Unavailable, match="not the store that this run's files were put in"):
        later.delete(open_landing)
    assert not later.story.has("deleted")
