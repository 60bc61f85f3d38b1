"""The staging store in an S3 API: whole or not there, read in ranges, deleted to the last version."""

from __future__ import annotations

import io
import itertools
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remit.adapters.s3 import S3Place, S3Store
from remit.errors import Refused, Unavailable, UsageError
from remit.ports import Draft, StoredFile
from remit.testing.s3 import S3Server

pytestmark = pytest.mark.slow

MIB = 1 << 20
BUCKETS = (f"bucket-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


Make = Callable[..., S3Store]


@pytest.fixture
def make(server: S3Server) -> Make:
    return lambda **kind: S3Store(S3Place.parse(server.create_bucket(next(BUCKETS), **kind)))


def bucket_of(store: S3Store) -> str:
    return store.label.split("/")[3]


def put(store: S3Store, path: str, data: bytes) -> None:
    draft = store.create(path)
    assert draft.write(data) == len(data)
    draft.publish()


def below(store: S3Store, prefix: str) -> dict[str, int]:
    return {file.path: file.size for file in store.list(prefix)}


def read(store: S3Store, path: str) -> bytes:
    with store.open(path) as file:
        return file.read()


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, 8 * MIB - 1, 8 * MIB, 20 * MIB + 3])
def test_file_is_there_whole_once_it_is_published(make: Make, size: int) -> None:
    store, data = make(), os.urandom(size)
    draft = store.create("run/t.parquet")
    for start in range(0, size, MIB):
        draft.write(data[start : start + MIB])

    assert not store.exists("run/t.parquet")
    with pytest.raises(FileNotFoundError):
        store.open("run/t.parquet")
    draft.publish()

    assert store.exists("run/t.parquet")
    assert read(store, "run/t.parquet") == data
    assert store.list("run") == [StoredFile("run/t.parquet", size)]


@pytest.mark.parametrize("size", [5, 20 * MIB])
def test_discarded_draft_leaves_nothing(make: Make, size: int) -> None:
    store = make(versioned=True)
    draft = store.create("run/t.parquet")
    draft.write(bytes(size))
    draft.discard()

    assert store.list("run") == []


def test_file_is_listed_from_when_it_is_begun(make: Make) -> None:
    store = make()
    store.create("run/t.parquet")

    assert store.list("run") == [StoredFile("run/t.parquet", 0)]


@pytest.mark.parametrize("before", [0, 20 * MIB])
def test_file_that_is_removed_before_it_is_whole_never_appears(make: Make, before: int) -> None:
    store = make()
    small, large = store.create("run/small"), store.create("run/large")
    small.write(bytes(before))
    for file in store.list("run"):
        store.remove(file.path)
    assert store.list("run") == []

    small.write(b"12345")
    with pytest.raises(Unavailable, match="removed meanwhile"):
        small.publish()
    with pytest.raises(Unavailable, match="removed meanwhile"):
        large.write(bytes(32 * MIB))
    for draft in (small, large):
        draft.discard()

    assert store.list("run") == []


WRITE = """
import os, signal, sys
from remit.adapters.s3 import S3Place, S3Store
draft = S3Store(S3Place.parse(sys.argv[1])).create("run/t.parquet")
for _ in range(5):
    draft.write(bytes(8 << 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_began_is_listed_and_removed(server: S3Server) -> None:
    spec = server.create_bucket(next(BUCKETS))
    python = {"PYTHONPATH": ":".join(sys.path), **server.environment}
    killed = subprocess.run([sys.executable, "-c", WRITE, spec], env=python, timeout=60)
    store = S3Store(S3Place.parse(spec))

    assert killed.returncode == -9
    assert not store.exists("run/t.parquet")
    assert below(store, "run")["run/t.parquet"] >= 3 * 8 * MIB
    store.remove("run/t.parquet")
    assert store.list("run") == []


COPY = """
import resource, sys
from remit.adapters.s3 import S3Place, S3Store
store = S3Store(S3Place.parse(sys.argv[1]))
def copy(path, mebibytes):
    draft = store.create(path)
    for _ in range(mebibytes):
        draft.write(bytes(1 << 20))
    draft.publish()
    with store.open(path) as file:
        assert sum(map(len, iter(lambda: file.read(1 << 20), b""))) == mebibytes << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
small = copy("run/small", 30)
print(small, copy("run/large", 140))
"""


def test_memory_stays_flat_however_large_the_file(server: S3Server) -> None:
    spec = server.create_bucket(next(BUCKETS))
    python = {"PYTHONPATH": ":".join(sys.path), **server.environment}
    told = subprocess.run(
        [sys.executable, "-c", COPY, spec], env=python, timeout=120, capture_output=True, check=True
    )
    small, large = map(int, told.stdout.split())

    assert large - small < 24


def test_threads_share_a_store(make: Make) -> None:
    store = make()
    writers = [
        threading.Thread(target=put, args=(store, f"run/{n}.parquet", bytes([n]) * 9 * MIB))
        for n in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    for n in range(4):
        assert read(store, f"run/{n}.parquet") == bytes([n]) * 9 * MIB


# --- reading ------------------------------------------------------------------------------------


def test_reads_as_a_file_on_disk_does(make: Make) -> None:
    store, data = make(), os.urandom(9 * MIB)
    put(store, "f", data)
    local = io.BytesIO(data)
    with store.open("f") as file:
        moves = [(0, 0, 10), (-10, 2, 100), (5, 0, 9 * MIB), (-70_000, 2, 70_000), (3, 1, 5)]
        moves += [(8 * MIB - 5, 0, 10), (0, 0, 0), (100, 2, 5), (-20, 2, 5), (7 * MIB, 0, 2 * MIB)]
        for offset, whence, size in moves:
            assert file.seek(offset, whence) == local.seek(offset, whence)
            assert file.read(size) == local.read(size)
            assert file.tell() == local.tell()
        file.seek(-100, 2)
        buffer = bytearray(200)
        assert file.readinto(buffer) == 100
        assert bytes(buffer[:100]) == data[-100:]
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def asked_for(server: S3Server, path: str) -> int:
    return sum(path in request for request in server.requests)


def test_reading_takes_few_requests(make: Make, server: S3Server) -> None:
    store = make()
    columns = {f"c{n}": pa.array(os.urandom(8) for _ in range(100_000)) for n in range(8)}
    draft = store.create("run/t.parquet")
    pq.write_table(pa.table(columns), WritableDraft(draft), row_group_size=25_000)
    draft.publish()

    server.requests.clear()
    with store.open("run/t.parquet") as file:
        whole = len(file.read())
    assert whole > 8 * MIB
    assert asked_for(server, "t.parquet") == 2  # its end, and the rest at once

    server.requests.clear()
    with store.open("run/t.parquet") as file:
        while file.read(MIB):
            pass
    assert asked_for(server, "t.parquet") <= 2 + whole // (8 * MIB)

    server.requests.clear()
    with store.open("run/t.parquet") as file:
        one = pq.ParquetFile(file).read(["c3"])
    assert one.num_rows == 100_000
    assert asked_for(server, "t.parquet") <= 1 + 4  # the footer, and the column in each row group


def test_row_groups_read_side_by_side_take_few_requests(make: Make, server: S3Server) -> None:
    store, data = make(), os.urandom(40 * MIB)
    put(store, "run/t.parquet", data)
    server.requests.clear()
    with store.open("run/t.parquet") as file:
        for at in range(0, 20 * MIB, MIB // 2):
            for start in (at, 20 * MIB + at):
                file.seek(start)
                assert file.read(MIB // 2) == data[start : start + MIB // 2]
    assert asked_for(server, "t.parquet") <= 1 + 2 * 4


class WritableDraft(io.RawIOBase):
    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._draft.write(bytes(data))


@pytest.mark.parametrize("versioned", [False, True])
def test_file_changed_amid_reading_is_noticed(make: Make, versioned: bool) -> None:
    store = make(versioned=versioned)
    put(store, "run/t.parquet", bytes(20 * MIB))
    with store.open("run/t.parquet") as file:
        file.read(100)
        put(store, "run/t.parquet", bytes(20 * MIB - 1) + b"x")
        with pytest.raises(Unavailable, match="changed or removed while it was read"):
            file.read()


def test_file_removed_amid_reading_is_noticed(make: Make) -> None:
    store = make()
    draft = store.create("run/t.parquet")
    pq.write_table(pa.table({"c": [os.urandom(MIB) for _ in range(3)]}), WritableDraft(draft))
    draft.publish()
    with store.open("run/t.parquet") as file:
        store.remove("run/t.parquet")
        with pytest.raises(Unavailable, match="changed or removed while it was read"):
            pq.ParquetFile(pa.PythonFile(file)).read()


# --- listing and removing -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [{}, {"versioned": True}, {"locked": True}])
def test_every_version_marker_and_upload_is_listed_and_removed(
    make: Make, server: S3Server, kind: dict[str, bool]
) -> None:
    store, client = make(**kind), server.client()
    for path in ("run/a", "run/a", "run/a.b", "run/deep/c", "run-2/d", "run"):
        put(store, path, b"12345")
    name = {"Bucket": bucket_of(store)}
    client.delete_object(**name, Key="staging/run/a")  # a marker, where there are versions
    client.create_multipart_upload(**name, Key="staging/run/a")
    client.create_multipart_upload(**name, Key="staging/run/only-begun")
    client.put_object(**name, Key="elsewhere/run/a", Body=b"not ours")

    assert list(below(store, "run")) == ["run", "run/a", "run/a.b", "run/deep/c", "run/only-begun"]
    assert below(store, "run")["run/a"] == (10 if kind else 0)
    for file in store.list("run"):
        store.remove(file.path)
    store.remove("run/a")  # already gone

    assert store.list("run") == []
    assert below(store, "run-2") == {"run-2/d": 5}
    found = client.list_object_versions(**name, Prefix="staging/run/")
    assert "Versions" not in found
    assert "DeleteMarkers" not in found
    assert client.get_object(**name, Key="elsewhere/run/a")["Body"].read() == b"not ours"


def test_more_versions_than_an_answer_holds_are_all_removed(make: Make, server: S3Server) -> None:
    store, client = make(versioned=True), server.client()
    for _ in range(7):
        client.put_object(Bucket=bucket_of(store), Key="staging/run/t", Body=b"1")
    store._client.meta.events.register(
        "provide-client-params.s3.ListObjectVersions", lambda params, **_: {**params, "MaxKeys": 2}
    )

    assert below(store, "run") == {"run/t": 7}
    assert asked_for(server, f"{bucket_of(store)}?versions") == 4
    store.remove("run/t")
    assert store.list("run") == []


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_locked_version_is_not_called_removed(make: Make, server: S3Server, mode: str) -> None:
    store = make(locked=True)
    put(store, "run/t.parquet", b"123")
    server.client().put_object_retention(
        Bucket=bucket_of(store),
        Key="staging/run/t.parquet",
        Retention={"Mode": mode, "RetainUntilDate": "2999-01-01T00:00:00Z"},
    )

    with pytest.raises(Refused, match=r"copy-not-deleted .* forbids to delete a version"):
        store.remove("run/t.parquet")
    assert below(store, "run") == {"run/t.parquet": 3}


# --- the store itself ---------------------------------------------------------------------------


def test_two_claimers_agree(make: Make) -> None:
    first = make()
    stores = [S3Store(first._place) for _ in range(6)]
    assert first.identity() is None
    names: list[str] = []
    claimers = [threading.Thread(target=lambda s=s: names.append(s.claim())) for s in stores]
    for claimer in claimers:
        claimer.start()
    for claimer in claimers:
        claimer.join()

    assert len(names) == 6
    assert set(names) == {first.identity()}
    assert len(names[0]) == 32


def test_bucket_of_another_is_told_from_an_empty_one(make: Make) -> None:
    store = make()
    name = store.claim()

    assert make().identity() is None
    assert make().claim() != name


def test_bucket_that_is_not_there_is_worth_a_retry(server: S3Server) -> None:
    place = S3Place("never-made", "staging", server.endpoint)
    for ask in (
        lambda: S3Store(place).list("run"),
        lambda: S3Store(place).create("run/t"),
        lambda: S3Store(place).claim(),
    ):
        with pytest.raises(Unavailable, match="there is no such bucket"):
            ask()


def test_server_that_is_away_is_worth_a_retry_and_no_secret_shows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    spec = "s3://canary-id:canary-secret@bucket/staging?endpoint=http%3A%2F%2F127.0.0.1%3A1"
    store = S3Store(S3Place.parse(spec + "&session_token=canary-token&region=eu-west-3"))
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(Unavailable, match="does not answer") as caught,
    ):
        store.exists("run/t")

    shown = f"{caught.value} {store.label} {store._place!r} {caplog.text}"
    assert store.label == "http://127.0.0.1:1/bucket/staging"
    assert "canary" not in shown


def test_secrets_stay_out_of_the_log_when_the_server_answers(
    make: Make, server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    spec = server.create_bucket(next(BUCKETS)).replace("s3://", "s3://canary-id:canary-secret@")
    with caplog.at_level(logging.DEBUG):
        put(S3Store(S3Place.parse(f"{spec}&session_token=canary-token")), "run/t", b"1")

    assert "canary" not in caplog.text
    assert "AWS4-HMAC" not in caplog.text


@pytest.mark.parametrize(
    "spec",
    [
        "s3://",
        "s3:///prefix",
        "s3://Bucket/prefix",
        "s3://hidden:hid/den@bucket/prefix",
        "s3://hidden@bucket/prefix",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket/p#hidden",
        "s3://bucket/p?secret=hidden",
        "s3://bucket/p?region=a&region=b",
        "s3://bucket/p?endpoint=hidden",
        "s3://bucket/p?endpoint=https%3A%2F%2Fid%3Ahidden%40host",
        "s3://bucket/p?endpoint=https%3A%2F%2Fhost%3Ahidden",
        "s3://[hidden/p",
    ],
)
def test_specification_of_another_form_is_an_error_without_its_text(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        S3Place.parse(spec)
    assert "hidden" not in str(caught.value)


def test_place_in_aws_has_its_own_name() -> None:
    place = S3Place.parse("s3://bucket/staging/?region=eu-west-3")
    assert (place.label, place.endpoint, place.credentials) == ("s3://bucket/staging", None, {})
    with pytest.raises(Refused, match="path-outside-store"):
        S3Store(place).list("../other")
