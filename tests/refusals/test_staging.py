"""What staging refuses: places that others may see, and places that cannot forget."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from remit.adapters.s3 import S3Place, S3Store
from remit.errors import Unavailable
from remit.testing.s3 import S3Server
from remit.wiring import open_staging

pytestmark = pytest.mark.slow

BUCKETS = (f"refused-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


def make(server: S3Server, **kind: bool) -> tuple[str, str, S3Store]:
    bucket = next(BUCKETS)
    spec = server.create_bucket(bucket, **kind)
    return bucket, spec, S3Store(S3Place.parse(spec))


@pytest.mark.vector("staging-insecure")
@pytest.mark.parametrize(
    "host", ["s3.kalisil.example", "s3.kalisil.example:9000", "10.0.0.7", "[fe80::1]"]
)
def test_staging_over_http_to_another_machine(refuses, host) -> None:
    with refuses(at=f"http://{host.split(':9')[0].strip('[]')}", saying="travel in clear"):
        open_staging(f"s3://id:secret@bucket/staging?endpoint=http%3A%2F%2F{host}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1:9000", "localhost:9000", "[::1]:9000"])
def test_staging_over_http_on_this_machine_is_no_matter(host) -> None:
    assert open_staging(f"s3://bucket/staging?endpoint=http%3A%2F%2F{host}").label.startswith(
        "http"
    )


@pytest.mark.vector("staging-insecure")
def test_endpoint_in_clear_that_the_environment_names(refuses, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3.kalisil.example")
    with refuses(at="http://s3.kalisil.example", saying="travel in clear"):
        open_staging("s3://bucket/staging").claim()


@pytest.mark.vector("staging-insecure")
@pytest.mark.parametrize(
    ("action", "resource"),
    [("s3:ListBucket", ""), ("s3:GetObject", "/staging/*"), ("s3:*", "/*")],
)
def test_bucket_that_anybody_may_read(refuses, server, action, resource) -> None:
    bucket, _, store = make(server)
    rule = {"Effect": "Allow", "Principal": "*", "Action": action}
    statement = [rule | {"Resource": f"arn:aws:s3:::{bucket}{resource}"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    server.client().put_bucket_policy(Bucket=bucket, Policy=policy)

    for use in (store.claim, lambda: store.create("run/t.parquet")):
        with refuses(at=store.label, saying="anybody may read"):
            use()
    assert store.list("run") == []


@pytest.mark.vector("staging-insecure")
def test_store_whose_files_anybody_may_read_by_their_own_acl(refuses, server) -> None:
    bucket, spec, store = make(server)
    store.claim()
    server.client().put_object_acl(Bucket=bucket, Key="staging/.remit/store", ACL="public-read")

    with refuses(at=store.label, saying="anybody may read"):
        open_staging(spec).create("run/t.parquet")


def test_store_that_cannot_be_tried_by_a_stranger_is_not_taken_for_private(
    server, monkeypatch
) -> None:
    _, _, store = make(server)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("remit.testing.s3._may_list", broken)
    with pytest.raises(Unavailable):
        store.claim()
    with pytest.raises(Unavailable):
        store.create("run/t.parquet")


def broken(bucket: str) -> bool:
    raise OSError(bucket)


@pytest.mark.vector("staging-undeletable")
@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_bucket_that_keeps_what_is_deleted(refuses, server, mode) -> None:
    bucket, _, store = make(server, locked=True)
    rule = {"DefaultRetention": {"Mode": mode, "Days": 3}}
    server.client().put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )

    for use in (store.claim, lambda: store.create("run/t.parquet")):
        with refuses(at=store.label, saying="cannot be deleted"):
            use()


@pytest.mark.vector("copy-locked")
def test_staged_file_that_is_locked_is_not_certified_as_deleted(
    refuses, server, world, up_to, monkeypatch
) -> None:
    bucket, spec, store = make(server, locked=True)
    monkeypatch.setenv("REMIT_STAGING", spec)
    staged = {**world.environment, "REMIT_STAGING": spec}
    monkeypatch.setattr(type(world), "environment", staged)
    run = up_to(world, "extract")
    file = store.list(run.id)[0]
    server.client().put_object_retention(
        Bucket=bucket,
        Key=f"staging/{file.path}",
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": "2999-01-01T00:00:00Z"},
    )
    world.clock.advance(days=8)

    with refuses(at=file.path, saying="locked until 2999-01-01T00:00:00Z"):
        run.delete(world.landing)
    assert not run.story.has("deleted")
    assert not run.deployment.keys.exists(run.id)  # what stays cannot be read any more
