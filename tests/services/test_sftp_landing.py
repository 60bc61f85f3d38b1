"""The landing zone on a real sshd: pinned, whole or not there, sent on where it was cut, deleted."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.adapters.resuming import BLOCK
from remit.adapters.sftp import SftpLanding, SftpPlace
from remit.errors import Refused, Unavailable, UsageError
from remit.ports import LandingTerms, Outgoing
from remit.testing.faulty_network import FaultyProxy
from remit.testing.sftp import SftpServer
from remit.wiring import open_landing

pytestmark = pytest.mark.slow

MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with SftpServer(("ed25519", "ecdsa", "rsa")) as running:
        yield running


@pytest.fixture(autouse=True)
def empty_zone(server: SftpServer) -> None:
    for left in server.zone.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture
def zone(server: SftpServer) -> SftpLanding:
    return bound(server)


@pytest.fixture
def proxy(server: SftpServer) -> Iterator[FaultyProxy]:
    with FaultyProxy("127.0.0.1", server.port) as running:
        yield running


def bound(server: SftpServer, port: int | None = None, pin: str = "") -> SftpLanding:
    made = SftpLanding(SftpPlace.parse(server.url(port)))
    made.bind(LandingTerms(pin or server.fingerprint))
    return made


class Given:
    """Contents to publish, and how often each was read."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents

    def files(self) -> dict[str, Outgoing]:
        return {
            name: Outgoing(digest(data), len(data), lambda data=data: io.BytesIO(data))
            for name, data in self.contents.items()
        }


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# --- what the target sees -----------------------------------------------------------------------


def test_delivery_is_there_whole(zone: SftpLanding, server: SftpServer) -> None:
    given = Given(a=os.urandom(5 * MIB + 7), empty=b"", manifest=b"m")
    zone.publish("run", given.files())

    for name, data in given.contents.items():
        assert (server.zone / "run" / name).read_bytes() == data
    assert names(server.zone) == ["run/a", "run/empty", "run/manifest"]
    assert (server.zone / "run").stat().st_mode & 0o777 == 0o770
    assert (server.zone / "run/a").stat().st_mode & 0o777 == 0o640


def test_file_that_does_not_hold_is_not_published(zone: SftpLanding, server: SftpServer) -> None:
    def broken() -> io.BytesIO:
        raise Refused("file-changed", "a", "it is another.", "look.")

    files = Given(a=b"1").files() | {"b": Outgoing("sha256:", 1, broken)}
    with pytest.raises(Refused):
        zone.publish("run", files)
    assert not (server.zone / "run").exists()


@pytest.mark.parametrize("cut", [0, 3 * MIB, 7 * MIB + 100_000])
def test_connection_that_dies_publishes_nothing_and_the_next_try_goes_on(
    server: SftpServer, proxy: FaultyProxy, cut: int
) -> None:
    given = Given(a=os.urandom(4 * MIB), b=os.urandom(6 * MIB), manifest=b"m")
    zone = bound(server, proxy.port)
    proxy.cut_after(cut + 4096)
    with pytest.raises(Unavailable):
        zone.publish("run", given.files())
    assert not (server.zone / "run").exists()

    proxy.heal()
    before = proxy.passed
    zone.publish("run", given.files())

    for name, data in given.contents.items():
        assert (server.zone / "run" / name).read_bytes() == data
    assert names(server.zone) == ["run/a", "run/b", "run/manifest"]
    # What was under way when it broke is sent once more: at most what one block's requests are.
    assert proxy.passed - before < 10 * MIB - cut + 2 * BLOCK + 100_000


def test_server_that_is_slow_is_waited_for(server: SftpServer, proxy: FaultyProxy) -> None:
    zone = bound(server, proxy.port)
    proxy.delay(0.02)
    zone.publish("run", Given(a=os.urandom(MIB)).files())

    assert names(server.zone) == ["run/a"]


def test_server_that_no_longer_answers_is_unavailable(
    server: SftpServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = bound(server, proxy.port)
    zone.claim()
    monkeypatch.setattr("remit.adapters.sftp.session.PATIENCE", 0.5)
    proxy.delay(2)
    with pytest.raises(Unavailable, match="does not answer in time"):
        zone.list("run")
    proxy.heal()
    monkeypatch.undo()
    assert zone.list("run") == []


@pytest.mark.parametrize("spoil", [b"", b"\0", b"x" * (3 * MIB)])
def test_partial_file_that_differs_is_made_equal(
    zone: SftpLanding, server: SftpServer, spoil: bytes
) -> None:
    data = os.urandom(2 * MIB)
    zone.create(".run.partial/a").write(spoil)
    draft = zone.create(".run.partial/a")
    draft.write(data[:MIB] + spoil)
    draft.publish()
    zone.publish("run", Given(a=data).files())

    assert (server.zone / "run/a").read_bytes() == data
    assert names(server.zone) == ["run/a"]


def test_link_in_the_partial_folder_is_not_followed(zone: SftpLanding, server: SftpServer) -> None:
    zone.create(".run.partial/b").publish()
    (server.zone / ".run.partial/a").symlink_to(server.zone / "elsewhere")
    zone.publish("run", Given(a=b"1234").files())

    assert names(server.zone) == ["run/a"]
    assert not (server.zone / "run/a").is_symlink()


def test_something_else_under_the_name_is_never_written_over(
    zone: SftpLanding, server: SftpServer
) -> None:
    zone.publish("run", Given(a=b"1").files())
    with pytest.raises(Refused, match="delivery-conflict"):
        zone.publish("run", Given(a=b"2").files())
    assert (server.zone / "run/a").read_bytes() == b"1"


# --- as a store ---------------------------------------------------------------------------------


def test_partial_files_are_listed_and_removed_to_the_last_folder(
    zone: SftpLanding, server: SftpServer
) -> None:
    zone.publish("run", Given(a=b"123").files())
    zone.create(".run.partial/b").write(b"4567")
    found = zone.list("run")

    assert sorted(file.size for file in found) == [3, 4]
    for file in found:
        zone.remove(file.path)
        zone.remove(file.path)
    assert zone.list("run") == []
    assert list(server.zone.iterdir()) == []


def test_names_that_are_no_text_are_found_and_removed(
    zone: SftpLanding, server: SftpServer
) -> None:
    zone.publish("run", Given(a=b"1").files())
    Path(os.fsdecode(bytes(server.zone / "run") + b"/\xff\xfe")).touch()
    for file in zone.list("run"):
        zone.remove(file.path)

    assert list(server.zone.iterdir()) == []


def test_name_of_the_store_is_given_once(zone: SftpLanding, server: SftpServer) -> None:
    assert zone.identity() is None
    name = zone.claim()

    assert len(name) == 32
    assert zone.claim() == bound(server).identity() == name


def test_two_that_name_the_store_at_once_agree(server: SftpServer) -> None:
    named: list[str] = []
    claim: Callable[[], None] = lambda: named.append(bound(server).claim())  # noqa: E731
    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(named) == 4
    assert len(set(named)) == 1


def test_file_is_read_from_anywhere(zone: SftpLanding) -> None:
    data = os.urandom(MIB)
    zone.publish("run", Given(a=data).files())
    with zone.open("run/a") as file:
        assert file.read() == data
        file.seek(-7, io.SEEK_END)
        assert file.read(100) == data[-7:]
    with pytest.raises(FileNotFoundError):
        zone.open("run/b")
    assert not zone.exists("run/b")


def test_folder_that_is_gone_holds_not_nothing(server: SftpServer) -> None:
    zone = SftpLanding(SftpPlace.parse(server.url(path=f"{server.zone}/away")))
    zone.bind(LandingTerms(server.fingerprint))
    with pytest.raises(Unavailable, match="not there"):
        zone.list("run")


def test_connection_ends_with_the_zone(server: SftpServer, proxy: FaultyProxy) -> None:
    zone = bound(server, proxy.port)
    zone.list("run")
    assert len(proxy._open) == 2
    del zone
    for _ in range(100):
        if not proxy._open:
            break
        threading.Event().wait(0.05)
    assert not proxy._open


# --- whom it talks to ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_any_of_the_servers_host_keys_may_be_pinned(server: SftpServer, kind: str) -> None:
    zone = bound(server, pin=server.fingerprints[kind])
    zone.preflight()
    assert zone.endpoint() == server.fingerprints[kind]


def test_preflight_leaves_nothing(zone: SftpLanding, server: SftpServer) -> None:
    zone.preflight(room=MIB)
    assert list(server.zone.iterdir()) == []


def test_key_that_the_server_does_not_know(server: SftpServer, tmp_path: Path) -> None:
    with SftpServer() as other:
        url = server.url(key=str(other.key))
        zone = SftpLanding(SftpPlace.parse(url))
        zone.bind(LandingTerms(server.fingerprint))
        with pytest.raises(Unavailable, match="does not accept"):
            zone.list("run")


def test_nothing_of_the_key_or_the_server_is_told(
    server: SftpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    zone = bound(server)
    zone.preflight()
    zone.publish("run", Given(a=b"1").files())

    assert "PRIVATE" not in repr(zone._place) + caplog.text
    assert "run/a" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "sftp://u@h/in",
        "sftp://u:secret@h/in?key=file:/k",
        "sftp://h/in?key=file:/k",
        "sftp://u@h/in?key=pem:secret",
        "sftp://u@h/in?key=file:relative",
        "sftp://u@h/a/../b?key=file:/k",
        "sftp://u@h?key=file:/k",
        "sftp://u@h:port/in?key=file:/k",
        "sftp://u@h/in?key=file:/k&key=file:/l",
        "sftp://u@h/in?key=file:/k&password=secret",
    ],
)
def test_url_of_another_form_is_a_usage_error_that_repeats_nothing(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_landing(url)
    assert "secret" not in str(caught.value)


def test_specification_opens_the_same_zone(server: SftpServer) -> None:
    zone = open_landing(server.url())
    assert open_landing(zone.specification).label == zone.label
    assert str(server.key) not in zone.label


def test_server_that_is_not_there(server: SftpServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        bound(server, port).preflight()
