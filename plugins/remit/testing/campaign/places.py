"""Where the parties of a run keep things: folders, or stores behind a network that can be disturbed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from remit.errors import Unavailable, UsageError
from remit.testing.campaign.driver import SMALL
from remit.testing.controller import Edit
from remit.testing.faulty_network import FaultyProxy
from remit.testing.s3 import S3Server
from remit.testing.sftp import SftpServer
from remit.testing.softhsm import SoftHsm
from remit.testing.world import World

KINDS = ("folder", "token", "s3", "sftp")

_DISK_MB = 24


@dataclass
class Place:
    """A world, and what can be done to its surroundings.

    Attributes:
        environment: the processor's settings.
        landing: the landing zone's specification.
        edit: what the instruction says of it.
        network: what is in between, if anything is.
        small: whether all of it is on a small disk that may be filled.
        fetch: puts what a thief would find elsewhere into a folder, and says where it is.
    """

    world: World
    environment: dict[str, str]
    landing: str
    edit: Edit | None = None
    network: FaultyProxy | None = None
    small: bool = False
    fetch: Callable[[], list[Path]] = list


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of a few megabytes at `folder`, where we may mount one; whether it is one."""
    folder.mkdir(parents=True, exist_ok=True)
    size = ("-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs")
    mounted = os.geteuid() == 0 and _done("mount", *size, str(folder))
    try:
        yield mounted
    finally:
        if mounted and not _done("umount", "--lazy", str(folder)):
            raise Unavailable(str(folder), "the small disk cannot be unmounted.")


def _done(program: str, *arguments: str) -> bool:
    """Whether a program is there and succeeds."""
    path = shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin")
    if path is None:
        return False
    return not subprocess.run([path, *arguments], check=False, capture_output=True).returncode  # noqa: S603


@contextmanager
def placed(kind: str, root: Path, patients: int, token: SoftHsm | None = None) -> Iterator[Place]:
    """A world whose stores are of one of `KINDS`.

    Args:
        token: where staging keys are, for the kind ``token``.
    """
    makers = {"folder": _folder, "token": _folder, "s3": _s3, "sftp": _sftp}
    if kind not in makers or (kind == "token") != (token is not None):
        raise UsageError(f"there is no place of the kind {kind} with what was given.")
    world = World(root, patients, key_store=token.uri if token else "")
    with makers[kind](world) as place:
        place.environment |= token.environment if token else {}
        disk, before = os.statvfs(root), dict(os.environ)
        place.small = disk.f_blocks * disk.f_frsize <= SMALL
        os.environ.update(place.environment)  # the campaign looks at the stores itself
        try:
            yield place
        finally:
            for name in place.environment:
                os.environ.pop(name, None)
            os.environ.update(before)


@contextmanager
def _folder(world: World) -> Iterator[Place]:
    yield Place(world, dict(world.environment), str(world.landing_path))


@contextmanager
def _sftp(world: World) -> Iterator[Place]:
    """The landing zone on an OpenSSH server, behind a network."""
    with SftpServer() as server, FaultyProxy("127.0.0.1", server.port) as proxy:
        security = {"transport": "sftp", "endpoint": server.fingerprint}
        yield Place(
            world,
            dict(world.environment),
            server.url(proxy.port),
            lambda fields: fields["security"].update(security),
            proxy,
            fetch=lambda: [server.zone],
        )


@contextmanager
def _s3(world: World) -> Iterator[Place]:
    """Staging and landing zone in buckets, the zone's with versions, behind a network."""
    with S3Server() as server:
        port = int(server.endpoint.rpartition(":")[2])
        with FaultyProxy("127.0.0.1", port) as proxy:
            staging, landing = (
                server.create_bucket(name, versioned=versioned).replace(
                    f"%3A{port}", f"%3A{proxy.port}"
                )
                for name, versioned in (("remit-staging", False), ("kalisil-landing", True))
            )
            yield Place(
                world,
                {**world.environment, **server.environment, "REMIT_STAGING": staging},
                landing,
                lambda fields: fields["security"].update(transport="s3"),
                proxy,
                fetch=lambda: [_downloaded(server, world.root / "fetched")],
            )


def _downloaded(server: S3Server, folder: Path) -> Path:
    """Every version of every object, each as a file of its own."""
    client = server.client()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for bucket in client.list_buckets()["Buckets"]:
        found = client.list_object_versions(Bucket=bucket["Name"]).get("Versions", [])
        for number, version in enumerate(found):
            name = {"Bucket": bucket["Name"], "Key": version["Key"]}
            body = client.get_object(**name, VersionId=version["VersionId"])["Body"].read()
            (folder / f"{bucket['Name']}-{number}").write_bytes(body)
    return folder
