"""What a landing zone must not be: each tried on a real server, before a byte of the delivery is sent."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from remit.adapters.folder_landing import FolderLanding
from remit.adapters.s3 import S3Landing, S3Place
from remit.adapters.sftp import SftpLanding, SftpPlace
from remit.ports import LandingTerms
from remit.testing.faulty_network import FaultyProxy
from remit.testing.s3 import S3Server
from remit.testing.sftp import SftpServer, open_to
from remit.wiring import open_landing

pytestmark = pytest.mark.slow

BUCKETS = (f"zone-{number}" for number in itertools.count())
EXABYTE = 1 << 60


@pytest.fixture(scope="module")
def sshd() -> Iterator[SftpServer]:
    with SftpServer() as running:
        yield running


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as running:
        yield running


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> tuple[str, S3Landing]:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    name = next(BUCKETS)
    return name, S3Landing(S3Place.parse(s3.create_bucket(name)))


def sftp(sshd: SftpServer, *shared: str, pin: str | None = "", **parts: Any) -> SftpLanding:
    zone = SftpLanding(SftpPlace.parse(sshd.url(**parts)))
    zone.bind(LandingTerms(sshd.fingerprint if pin == "" else pin, frozenset(shared)))
    return zone


def instructed(sshd: SftpServer, **security: Any) -> Any:
    said = {"transport": "sftp", "endpoint": sshd.fingerprint, **security}
    return lambda fields: fields["security"].update(said)


# --- in clear -----------------------------------------------------------------------------------


@pytest.mark.vector("landing-insecure")
@pytest.mark.parametrize("scheme", ["ftp", "http"])
def test_server_in_clear_is_never_connected_to(world, cli, left_nothing, scheme) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        place = f"{scheme}://anonymous@127.0.0.1:{listener.getsockname()[1]}/in"
        arguments = (world.instruct(), "--source", world.source_url, "--landing", place)
        cli.refused("run", *arguments, at=f"{scheme}://", saying="on the way can read")
        with pytest.raises(TimeoutError):
            listener.accept()
    left_nothing(world)


@pytest.mark.vector("landing-insecure")
def test_bucket_over_http_to_another_machine(refuses) -> None:
    with refuses(at="http://10.0.0.7", saying="on the way can read"):
        open_landing("s3://id:secret@bucket/in?endpoint=http%3A%2F%2F10.0.0.7")


# --- whose server it is -------------------------------------------------------------------------


@pytest.mark.vector("landing-host-key-unpinned")
@pytest.mark.parametrize("pin", [None, "0123456789abcdef"])
def test_server_whose_host_key_is_not_instructed_is_never_connected_to(sshd, refuses, pin) -> None:
    with FaultyProxy("127.0.0.1", sshd.port) as proxy:
        zone = sftp(sshd, pin=pin, port=proxy.port)
        for use in (zone.preflight, zone.claim, lambda: zone.list("run")):
            with refuses(at=zone.label, saying="names no host key"):
                use()
        assert proxy.connections == 0


@pytest.mark.vector("landing-host-key-differs")
def test_another_server_is_sent_nothing(sshd, refuses) -> None:
    with SftpServer() as other:
        zone = sftp(sshd, pin=other.fingerprint)
        for use in (zone.preflight, zone.claim, lambda: zone.list("run")):
            with refuses(at=zone.label, saying=sshd.fingerprint):
                use()
    assert list(sshd.zone.iterdir()) == []


@pytest.mark.vector("landing-host-key-differs")
def test_server_that_was_replaced_before_the_deletion(world, up_to, refuses) -> None:
    with SftpServer() as sshd:
        world.landing_spec = sshd.url()
        run = up_to(world, "deliver", edit=instructed(sshd))
        sshd.stop()
        sshd.rekey()
        world.clock.advance(days=8)
        with refuses(at=world.landing().label, saying="not the one that is instructed"):
            run.delete(world.landing)
    assert not run.story.has("deleted")
    assert not run.deployment.keys.exists(run.id)


# --- who may read there -------------------------------------------------------------------------


@pytest.mark.vector("landing-anonymous")
@pytest.mark.parametrize("stranger", ["kalisil", "anonymous", "ftp"])
@pytest.mark.parametrize("password", [None, ""])
def test_server_that_lets_strangers_in(sshd, refuses, stranger, password) -> None:
    with open_to({stranger: password}) as (port, fingerprint):
        zone = sftp(sshd, pin=fingerprint, port=port, user="kalisil")
        with refuses(at=zone.label, saying=f"says to be {stranger} is let in"):
            zone.preflight()


@pytest.mark.vector("landing-anonymous")
def test_server_that_lets_strangers_in_is_not_planned_for(world, sshd, up_to, refuses) -> None:
    with open_to({"anonymous": ""}) as (port, fingerprint):
        world.landing_spec = sshd.url(port, user="kalisil")
        edit = instructed(sshd, endpoint=fingerprint)
        with refuses(at=world.landing().label, saying="without authentication"):
            up_to(world, "plan", edit=edit)


@pytest.mark.vector("landing-anonymous")
@pytest.mark.parametrize(
    ("action", "resource"),
    [("s3:ListBucket", ""), ("s3:GetObject", "/staging/*"), ("s3:*", "/*")],
)
def test_bucket_that_anybody_may_read(refuses, s3, bucket, action, resource) -> None:
    name, zone = bucket
    rule = {"Effect": "Allow", "Principal": "*", "Action": action}
    statement = [rule | {"Resource": f"arn:aws:s3:::{name}{resource}"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    s3.client().put_bucket_policy(Bucket=name, Policy=policy)

    with refuses(at=zone.label, saying="anybody may read"):
        zone.preflight()
    assert zone.list(".remit") == []


@pytest.mark.vector("landing-anonymous")
@pytest.mark.parametrize("mode", [0o755, 0o754, 0o771])
def test_folder_that_everybody_on_the_machine_may_look_into(tmp_path, refuses, mode) -> None:
    zone = FolderLanding(tmp_path / "zone")
    zone.preflight()
    zone.root.chmod(mode)
    above = [folder for folder in zone.root.parents if not folder.stat().st_mode & 0o001]
    kept = {folder: folder.stat().st_mode for folder in above}
    zone.preflight()  # nobody else comes as far as this

    try:
        for folder in above:
            folder.chmod(kept[folder] | 0o001)
        with refuses(at=zone.label, saying="anybody on the machine can look in"):
            zone.preflight()
    finally:
        for folder, before in kept.items():
            folder.chmod(before)


@pytest.mark.vector("landing-anonymous")
def test_zone_that_was_opened_to_strangers_is_deleted_and_it_is_told(
    world, up_to, refuses, monkeypatch
) -> None:
    with SftpServer() as sshd:
        world.landing_spec = sshd.url()
        run = up_to(world, "deliver", edit=instructed(sshd))
        opened = lambda _, user: user == "ftp"  # noqa: E731 - sshd itself never lets one in
        monkeypatch.setattr("remit.adapters.sftp.session.Session.is_open_to", opened)
        world.clock.advance(days=8)

        assert run.delete(world.landing) is True
        assert not (sshd.zone / run.id).exists()
    told = [record.data["refusal"] for record in run.story.records if record.kind == "refused"]
    refuses.check(told[-1], at=world.landing().label, saying="says to be ftp is let in")


# --- whose account it is ------------------------------------------------------------------------


@pytest.mark.vector("landing-account-shared")
@pytest.mark.parametrize("user", ["root", "Admin", "ftp", "export"])
def test_account_that_several_people_use(sshd, refuses, user) -> None:
    with FaultyProxy("127.0.0.1", sshd.port) as proxy:
        zone = sftp(sshd, "Export", user=user, port=proxy.port)
        with refuses(at=zone.label, saying="several people use"):
            zone.preflight()
        assert proxy.connections == 0


@pytest.mark.vector("landing-account-shared")
def test_account_that_is_instructed_to_be_shared(world, sshd, up_to, refuses) -> None:
    world.landing_spec = sshd.url()
    account = {"overprivileged": "warn", "shared": [sshd.user]}
    with refuses(at=world.landing().label, saying="several people use"):
        up_to(world, "plan", edit=instructed(sshd, account=account))
    assert list(sshd.zone.iterdir()) == []


@pytest.mark.vector("landing-account-shared")
def test_account_of_a_bucket_as_the_server_tells_it(bucket, refuses) -> None:
    _, zone = bucket
    zone.bind(LandingTerms(shared=frozenset({"moto"})))  # whom moto takes everybody for
    with refuses(at=zone.label, saying="several people use"):
        zone.preflight()


@pytest.mark.vector("landing-account-shared")
@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/people/export",
        "arn:aws:sts::123456789012:assumed-role/export/i-0123",
    ],
)
def test_root_user_and_role_of_a_bucket(bucket, refuses, monkeypatch, arn) -> None:
    _, zone = bucket
    zone.bind(LandingTerms(shared=frozenset({"export"})))
    monkeypatch.setattr(S3Place, "principal", lambda *_: arn)
    with refuses(at=zone.label, saying="several people use"):
        zone.preflight()


# --- whether it can be used ---------------------------------------------------------------------


@pytest.mark.vector("landing-unwritable")
def test_folder_on_the_server_that_the_account_cannot_write(sshd, refuses) -> None:
    sshd.zone.chmod(0o500)
    try:
        zone = sftp(sshd)
        with refuses(at=zone.label, saying="the server denies access"):
            zone.preflight()
    finally:
        sshd.zone.chmod(0o770)


@pytest.mark.vector("landing-unwritable")
def test_folder_on_the_server_whose_parent_is_missing(sshd, refuses) -> None:
    zone = sftp(sshd, path=f"{sshd.zone}/a/b/c")
    with refuses(at=zone.label, saying="no such file"):
        zone.preflight()


@pytest.mark.vector("landing-open")
def test_folder_on_the_server_that_everybody_may_write(sshd, refuses) -> None:
    sshd.zone.chmod(0o777)
    try:
        zone = sftp(sshd)
        with refuses(at=zone.label, saying="anybody on the machine can write"):
            zone.preflight()
    finally:
        sshd.zone.chmod(0o770)


@pytest.mark.vector("landing-full")
def test_too_little_room(sshd, tmp_path, refuses) -> None:
    for zone in (sftp(sshd), FolderLanding(tmp_path / "zone")):
        with refuses(at=zone.label, saying=f"{EXABYTE} are to be sent"):
            zone.preflight(room=EXABYTE)


@pytest.mark.vector("landing-full")
def test_delivery_that_has_no_room_is_not_begun(world, up_to, refuses, monkeypatch) -> None:
    with SftpServer() as sshd:
        world.landing_spec = sshd.url()
        run = up_to(world, "seal", edit=instructed(sshd))

        async def little(*_: object) -> int:
            return 10

        monkeypatch.setattr("remit.adapters.sftp.zone._free", little)
        with refuses(at=world.landing().label, saying="there is room for 10 bytes"):
            run.deliver(world.landing())
        assert list(sshd.zone.iterdir()) == []

        monkeypatch.undo()
        assert run.deliver(world.landing()) is True


def test_room_that_a_bucket_cannot_tell_is_said(bucket, caplog) -> None:
    _, zone = bucket
    zone.preflight(room=7)
    assert "cannot tell how much room it has; 7 bytes are needed" in caplog.text


@pytest.mark.vector("landing-undeletable")
def test_bucket_whose_storage_locks_what_it_is_given(s3, bucket, refuses, monkeypatch) -> None:
    name = next(BUCKETS)
    zone = S3Landing(S3Place.parse(s3.create_bucket(name, locked=True)))
    put = zone._put

    def locked(path: str, body: bytes, **conditions: str) -> None:
        put(path, body, **conditions)
        until = {"Mode": "COMPLIANCE", "RetainUntilDate": "2999-01-01T00:00:00Z"}
        s3.client().put_object_retention(Bucket=name, Key=f"staging/{path}", Retention=until)

    monkeypatch.setattr(zone, "_put", locked)
    with refuses(at=zone.label, saying="cannot be deleted"):
        zone.preflight()


@pytest.mark.vector("key-file-open")
def test_key_that_others_can_read(sshd, tmp_path, refuses) -> None:
    key = tmp_path / "key"
    key.write_bytes(sshd.key.read_bytes())
    key.chmod(0o640)
    with refuses(at=str(key), saying="0640"):
        sftp(sshd, key=str(key)).list("run")


@pytest.mark.vector("copy-not-deleted")
def test_copy_that_the_server_forbids_to_delete(world, up_to, refuses) -> None:
    with SftpServer() as sshd:
        world.landing_spec = sshd.url()
        run = up_to(world, "deliver", edit=instructed(sshd))
        (sshd.zone / run.id).chmod(0o550)
        world.clock.advance(days=8)
        with refuses(at=f"{run.id}/instruction.dsse.json", saying="forbids to delete"):
            run.delete(world.landing)
        assert not run.story.has("deleted")

        (sshd.zone / run.id).chmod(0o770)
        assert run.delete(world.landing) is True


@pytest.mark.vector("path-outside-store")
@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_path_that_leads_out_of_the_zone(sshd, refuses, path) -> None:
    zone = sftp(sshd)
    for use in (zone.open, zone.exists, zone.create, zone.remove, zone.list):
        with refuses(at=zone.label, saying="leads out of the store"):
            use(path)
    assert list(sshd.zone.iterdir()) == []
