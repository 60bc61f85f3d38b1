"""The landing zone in a bucket: the manifest last, nothing written over, every version deleted."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from remit.adapters.s3 import S3Landing, S3Place
from remit.errors import Refused, Unavailable
from remit.ports import Outgoing
from remit.testing.faulty_network import FaultyProxy
from remit.testing.s3 import S3Server
from remit.wiring import open_landing

pytestmark = pytest.mark.slow

MIB = 1 << 20
BUCKETS = (f"landing-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


def make(server: S3Server, **kind: bool) -> S3Landing:
    return S3Landing(S3Place.parse(server.create_bucket(next(BUCKETS), **kind)))


def files(**contents: bytes) -> dict[str, Outgoing]:
    return {
        name: Outgoing(
            f"sha256:{hashlib.sha256(data).hexdigest()}",
            len(data),
            lambda data=data: io.BytesIO(data),
        )
        for name, data in contents.items()
    }


def read(zone: S3Landing, path: str) -> bytes:
    with zone.open(path) as file:
        return file.read()


def puts(server: S3Server) -> list[str]:
    return [each for each in server.requests if each.startswith("PUT ")]


def test_manifest_comes_last(server: S3Server) -> None:
    zone, data = make(server), os.urandom(20 * MIB)
    server.requests.clear()
    zone.publish("run", files(a=data, instruction=b"i", manifest=b"m"))

    assert read(zone, "run/a") == data
    completed = [r.split("?")[0] for r in server.requests if "POST" in r and "uploadId" in r]
    assert [path.rpartition("/")[2] for path in completed] == ["a", "instruction", "manifest"]
    assert sum("/a?" in each for each in puts(server)) == 3  # in parts of 8 MiB


def test_what_is_there_is_not_sent_again(server: S3Server) -> None:
    zone = make(server, versioned=True)
    with pytest.raises(Refused):
        zone.publish("run", files(a=os.urandom(MIB)) | {"b": Outgoing("sha256:0", 1, broken)})
    sent = read(zone, "run/a")
    server.requests.clear()
    zone.publish("run", files(a=sent, b=b"b", manifest=b"m"))

    assert {each.split("?")[0].rpartition("/")[2] for each in puts(server)} == {"b", "manifest"}
    assert sum(len(page.get("Versions", ())) for page in versions(server, zone)) == 3


def broken() -> io.BytesIO:
    raise Refused("file-changed", "b", "it is another.", "look.")


def versions(server: S3Server, zone: S3Landing) -> list[dict[str, list[object]]]:
    bucket = zone.label.split("/")[3]
    return [server.client().list_object_versions(Bucket=bucket, Prefix="staging/run")]


@pytest.mark.parametrize("versioned", [True, False])
def test_something_else_under_a_name_is_never_written_over(
    server: S3Server, versioned: bool
) -> None:
    zone = make(server, versioned=versioned)
    zone.publish("run", files(a=b"1"))
    for other in (files(a=b"2"), files(b=b"2")):
        with pytest.raises(Refused, match="delivery-conflict"):
            zone.publish("run", other)

    assert read(zone, "run/a") == b"1"
    assert [(file.path, file.size) for file in zone.list("run")] == [("run/a", 1)]


def test_file_that_somebody_puts_there_meanwhile_is_not_written_over(server: S3Server) -> None:
    zone = make(server)
    draft = zone.create("run/a")
    draft.write(b"ours")
    zone._put("run/a", b"theirs")
    with pytest.raises(Unavailable, match="changed meanwhile"):
        draft.publish()
    draft.discard()

    assert read(zone, "run/a") == b"theirs"


@pytest.mark.parametrize("cut", [0, 2 * MIB, 12 * MIB])
def test_storage_that_dies_shows_no_manifest_and_the_next_try_goes_on(
    server: S3Server, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    backoff = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(backoff, lambda *_: 0)  # between the library's tries
    direct = make(server)
    parts = urlsplit(server.endpoint)
    contents = {"a": os.urandom(9 * MIB), "b": os.urandom(10 * MIB), "manifest": b"m"}
    with FaultyProxy(parts.hostname or "", parts.port or 0) as proxy:
        endpoint = quote(f"http://127.0.0.1:{proxy.port}", safe="")
        bucket = direct.label.split("/")[3]
        zone = S3Landing(S3Place.parse(f"s3://{bucket}/staging?endpoint={endpoint}"))
        proxy.cut_after(cut + 5000)
        with pytest.raises(Unavailable):
            zone.publish("run", files(**contents))
        assert not direct.exists("run/manifest")

        proxy.heal()
        before = proxy.passed
        zone.publish("run", files(**contents))
        whole = [name for name in "ab" if cut > 10 * MIB and name == "a"]
        sent_again = sum(len(contents[name]) for name in "ab" if name not in whole)
        assert proxy.passed - before < sent_again + MIB

    assert {name: read(direct, f"run/{name}") for name in contents} == contents
    assert {file.path: file.size for file in direct.list("run")} == {
        f"run/{name}": len(data) for name, data in contents.items()
    }


def test_preflight_leaves_nothing_even_in_a_bucket_with_versions(server: S3Server) -> None:
    zone = make(server, versioned=True)
    zone.preflight()
    assert zone.list(".remit") == []


def test_bucket_that_locks_by_default_is_used_and_its_lock_is_told(
    server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    zone = make(server, locked=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    server.client().put_object_lock_configuration(
        Bucket=zone.label.split("/")[3],
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    zone.preflight()
    assert "it is deleted when the lock ends" in caplog.text
    zone.publish("run", files(a=b"1"))
    server.client().put_object_retention(  # moto does not lock what came in parts
        Bucket=zone.label.split("/")[3],
        Key="staging/run/a",
        Retention={"Mode": "COMPLIANCE", "RetainUntilDate": "2999-01-01T00:00:00Z"},
    )
    with pytest.raises(Refused, match="copy-not-deleted"):
        zone.remove("run/a")


def test_specification_opens_the_same_zone_without_its_secret(server: S3Server) -> None:
    zone = open_landing("s3://id:secret@bucket/a%20b?endpoint=https%3A%2F%2Fs3.here&region=r")
    assert "secret" not in zone.specification
    assert open_landing(zone.specification).label == zone.label == "https://s3.here/bucket/a b"
