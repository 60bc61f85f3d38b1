"""From plain settings to adapters: the one place that knows which implementation serves which URL.

REMIT_HOME         state; default $AIRFLOW_HOME/remit (or ~/airflow/remit)
REMIT_LEDGER       the evidence ledger's database; default sqlite under REMIT_HOME
REMIT_STAGING      the staging store: a folder, s3://BUCKET/PREFIX?endpoint=URL&region=NAME (credentials by
boto3's own search: environment, profile, role) or conn:ID; default REMIT_HOME/staging
REMIT_SIGNING_KEY  URI of the processor's signing key; default REMIT_HOME/keys/processor.pem
REMIT_KEYS         the store of the runs' staging keys: keyring:PATH, pkcs11:..., awskms:REGION,
vault:https://HOST/MOUNT, or another package's; default keyring:REMIT_HOME/keyring
REMIT_KEYRING_SECRET  what the keyring is encrypted under: file:PATH or conn:ID (the connection's
password); default a file below REMIT_HOME/keys, made when it is first needed
REMIT_INCLUDE      controllers' keys and expectations; default $AIRFLOW_HOME/include if it is
there, else ./include
REMIT_ORPHANS      what a sweep does with files and keys that nobody recorded: report (default), or
delete-after=P7D (whole days, by the age of the newest file)
REMIT_ALERTS       the channels that alerts leave by, in words like smtp:ID or webhook:ID with the id of
an Airflow connection (docs/alert-channels.md); default none
REMIT_LOGIN        a private file with an access token of Airflow, whose user acts (`remit.cli.person`)
REMIT_ROWS_PER_PIECE  about how many rows of a large table one piece has; default 1000000
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import quote

from remit.errors import Unavailable, UsageError
from remit.instruction import TrustStore
from remit.ports import (
    Inbox,
    Judge,
    KeyStore,
    LandingZone,
    Notes,
    PseudonymKeys,
    Source,
    StatusServer,
    Store,
)
from remit.signing import load_signer

if TYPE_CHECKING:  # the policy on DAGs reads the settings whenever a file is parsed
    from remit.adapters.sftp import SftpPlace
    from remit.adapters.sql_source import Database
    from remit.custody import Deployment, TargetSystems
    from remit.evidence import EvidenceLog, Ledger

Resolve = Callable[[str], "str | Database | SftpPlace"]
"""Turns an Airflow connection id into the URL or path that it stands for, into the database
that only its hook connects to, or into the SFTP server that its key opens."""


@runtime_checkable
class Connections(Protocol):
    """A `Resolve` that knows the connections' passwords too, as all of Airflow's do."""

    def __call__(self, connection_id: str) -> str | Database:
        """See `Resolve`."""

    def password(self, connection_id: str) -> str:
        """The connection's password; empty if it has none."""


def no_connections(connection_id: str) -> str:
    """Outside Airflow there are no connections."""
    raise UsageError(f"conn:{connection_id} needs Airflow; run it as `airflow remit ...`.")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are.

    Attributes:
        alerts: the kind (``smtp``, ``webhook``) and connection of each channel.
    """

    home: Path
    ledger: str
    staging: str
    signing_key: str
    include: Path
    keys: str
    keyring_secret: str | None = None
    rows_per_piece: int | None = None
    orphans_after: timedelta | None = None
    alerts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the REMIT_ variables."""
        airflow = Path(environment.get("AIRFLOW_HOME") or "~/airflow").expanduser()
        home = Path(environment.get("REMIT_HOME") or airflow / "remit").expanduser().absolute()
        deployed = airflow / "include"
        include = environment.get("REMIT_INCLUDE") or (deployed if deployed.is_dir() else "include")
        return cls(
            home=home,
            ledger=environment.get("REMIT_LEDGER") or f"sqlite:///{home}/evidence.sqlite",
            staging=environment.get("REMIT_STAGING") or str(home / "staging"),
            signing_key=environment.get("REMIT_SIGNING_KEY")
            or str(home / "keys" / "processor.pem"),
            include=Path(include).expanduser().absolute(),
            keys=environment.get("REMIT_KEYS") or f"keyring:{quote(str(home / 'keyring'))}",
            keyring_secret=environment.get("REMIT_KEYRING_SECRET") or None,
            rows_per_piece=_rows_per_piece(environment.get("REMIT_ROWS_PER_PIECE") or None),
            orphans_after=_orphans_after(environment.get("REMIT_ORPHANS") or "report"),
            alerts=_alerts(environment.get("REMIT_ALERTS") or ""),
        )

    def secret_connections(self) -> set[str]:
        """The Airflow connections whose passwords the key store needs."""
        named = f"{self.keyring_secret or ''}&{self.keys.partition('?')[2]}".split("&")
        values = {text.removeprefix("token=") for text in named}
        return {text.removeprefix("conn:") for text in values if text.startswith("conn:")}

    def trust(self, override: Path | None = None) -> TrustStore:
        """The controllers' keys."""
        if override is not None:
            return TrustStore(override, flat=True)
        return TrustStore(self.include / "controllers")


def _rows_per_piece(text: str | None) -> int | None:
    if text is not None and not re.fullmatch(r"[1-9][0-9]{0,11}", text):
        raise UsageError("REMIT_ROWS_PER_PIECE is a whole number of rows, 1 or more.")
    return int(text) if text else None


def _orphans_after(text: str) -> timedelta | None:
    if text == "report":
        return None
    found = re.fullmatch(r"delete-after=P([1-9][0-9]{0,3})D", text)
    if found is None:
        raise UsageError("REMIT_ORPHANS is report, or delete-after=P7D (one or more whole days).")
    return timedelta(days=int(found[1]))


def _alerts(text: str) -> tuple[tuple[str, str], ...]:
    """Each channel's kind and connection."""
    found = [re.fullmatch(r"(smtp|webhook):([\w.-]{1,250})", word) for word in text.split()]
    channels = tuple((one[1], one[2]) for one in found if one is not None)
    if len(channels) < len(found) or len(set(channels)) < len(channels):
        raise UsageError("REMIT_ALERTS is smtp:ID and webhook:ID, each once, with spaces between.")
    return channels


def os_user() -> str:
    """The account that runs this process; its number where it has no name, as in some pods."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def clock() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


def open_ledger(settings: Settings, *, create: bool = False, patience: int = 30) -> Ledger:
    """The evidence ledger; only who is about to write in it may create it.

    Args:
        patience: for so many seconds it is waited for.
    """
    from remit.adapters.folder import translating_os
    from remit.adapters.ledger import SqlLedger

    if create:
        with translating_os(f"REMIT_HOME {settings.home}"):
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    witness = settings.home / "witness.dsse.json"
    return SqlLedger(settings.ledger, witness, create=create, patience=patience)


def open_deployment(
    settings: Settings,
    trust: TrustStore | None = None,
    now: Callable[[], datetime] = clock,
    resolve: Resolve = no_connections,
) -> Deployment:
    """Everything that runs share."""
    from remit.custody import Deployment
    from remit.evidence import EvidenceLog

    return Deployment(
        log=EvidenceLog(open_ledger(settings, create=True), load_signer(settings.signing_key), now),
        clock=now,
        trust=trust or settings.trust(),
        staging=open_staging(settings.staging, resolve),
        keys=open_keys(settings, resolve),
        pseudonyms=open_pseudonyms(settings),
        suites=settings.include / "expectations",
        instructions=settings.include / "instructions",
        inbox=open_inbox(settings),
        notes=open_notes(settings),
        rows_per_piece=settings.rows_per_piece,
        orphans_after=settings.orphans_after,
    )


@dataclass(frozen=True, slots=True)
class Office:
    """The evidence and what supervision keeps beside it: see `remit.alerts.office`."""

    log: EvidenceLog
    clock: Callable[[], datetime]
    notes: Notes


def open_office(settings: Settings, ledger: Ledger) -> Office:
    """What acts on alerts need, on a ledger that is open.

    Raises:
        UsageError, Refused, Unavailable: as `remit.signing.load_signer`.
    """
    from remit.evidence import EvidenceLog

    log = EvidenceLog(ledger, load_signer(settings.signing_key), clock)
    return Office(log, clock, open_notes(settings))


def open_keys(settings: Settings, resolve: Resolve = no_connections) -> KeyStore:
    """The store of staging keys that the settings name; nothing is asked of it yet.

    Raises:
        Refused: key-store-insecure.
        UsageError: no such store, or its URI has another form.
    """
    from remit.adapters.key_stores import open_key_store

    def password(connection_id: str) -> str:
        if not isinstance(resolve, Connections):
            return str(no_connections(connection_id))
        return resolve.password(connection_id)

    return open_key_store(settings.keys, settings.home, settings.keyring_secret, password)


def open_staging(spec: str, resolve: Resolve = no_connections) -> Store:
    """The staging store from an absolute path, an s3:// URL or ``conn:ID``.

    Raises:
        Refused: staging-insecure.
        UsageError: it is none of these.
    """
    place = _resolved(spec, resolve)
    if place.startswith("s3://"):
        from remit.adapters.s3 import S3Place, S3Store

        return S3Store(S3Place.parse(place))
    from remit.adapters.folder import FolderStore

    path = Path(place.removeprefix("file://"))
    if "://" in str(path) or not path.is_absolute():
        raise UsageError("REMIT_STAGING is an absolute path, s3://BUCKET/PREFIX or conn:ID.")
    return FolderStore(path)


def open_source(spec: str, resolve: Resolve = no_connections) -> Source:
    """A source from a database URL, a dump's folder or file, or ``conn:ID``."""
    from remit.adapters.dump_source import is_dump, open_dump
    from remit.adapters.sql_source import Database, open_database
    from remit.adapters.sql_source import open_source as open_sql

    place = _resolved_source(spec, resolve)
    if isinstance(place, str):
        return open_dump(place) if is_dump(place) else open_sql(place)
    if not isinstance(place, Database):
        raise UsageError(f"{spec} is an SFTP server, which is a landing zone and nothing else.")
    return open_database(place)


def open_landing(spec: str, resolve: Resolve = no_connections) -> LandingZone:
    """A landing zone from a path, an s3:// or sftp:// URL, or ``conn:ID``; nothing is asked of it yet.

    Raises:
        Refused: landing-insecure, for a transport that is read on the way; it is never connected to.
        UsageError: it is none of these.
    """
    from remit import landing

    place = _resolved_source(spec, resolve)
    if not isinstance(place, str):
        return _sftp_landing(place, spec)
    scheme, _, rest = place.partition("://") if "://" in place else ("file", "", place)
    if scheme in ("ftp", "http"):
        raise landing.in_clear(scheme)
    if scheme == "s3":
        from remit.adapters.s3 import S3Landing, S3Place

        return S3Landing(S3Place.parse(place, lambda host: landing.in_clear("http", host)))
    if scheme == "sftp":
        from remit.adapters.sftp import SftpLanding, SftpPlace

        return SftpLanding(SftpPlace.parse(place))
    if scheme != "file":
        raise UsageError(
            f"no landing zone for {scheme}:// ; known are a folder's path, s3:// and sftp://."
        )
    from remit.adapters.folder_landing import FolderLanding

    return FolderLanding(Path(rest))


def _sftp_landing(place: object, spec: str) -> LandingZone:
    from remit.adapters.sftp import SftpLanding, SftpPlace

    if not isinstance(place, SftpPlace):
        raise UsageError(f"{spec} is a database, which is a source and nothing else.")
    return SftpLanding(place)


def open_pseudonyms(settings: Settings) -> PseudonymKeys:
    """The secrets of pseudonyms and suppress lists."""
    from remit.adapters.pseudonym_folder import FolderPseudonymKeys

    return FolderPseudonymKeys(settings.home / "keys" / "pseudonyms")


def open_inbox(settings: Settings) -> Inbox:
    """Where receipts wait that came by HTTP."""
    from remit.adapters.inbox import FolderInbox

    return FolderInbox(settings.home / "receipts")


def open_notes(settings: Settings) -> Notes:
    """What supervision keeps beside the evidence."""
    from remit.adapters.notes import FolderNotes

    return FolderNotes(settings.home / "supervision")


class _Elsewhere:
    """A place that is not reached from here: whatever is asked of it, it does not answer."""

    def __getattr__(self, name: str) -> Any:
        raise Unavailable("a place that holds data", f"it is not reached from here ({name}).")


def open_records(settings: Settings, ledger: Ledger) -> Deployment:
    """What a person's act needs, on a ledger that is open: the evidence and the key that signs it.

    Staging, keys and pseudonyms are not opened, and do not answer.

    Raises:
        UsageError, Refused, Unavailable: as `remit.signing.load_signer`.
    """
    from remit.custody import Deployment
    from remit.evidence import EvidenceLog

    elsewhere: Any = _Elsewhere()
    return Deployment(
        log=EvidenceLog(ledger, load_signer(settings.signing_key), clock),
        clock=clock,
        trust=settings.trust(),
        staging=elsewhere,
        keys=elsewhere,
        pseudonyms=elsewhere,
        suites=settings.include / "expectations",
        instructions=settings.include / "instructions",
        inbox=open_inbox(settings),
        notes=open_notes(settings),
    )


def open_target(resolve: Resolve = no_connections) -> TargetSystems:
    """What is the target's, by the connections that an instruction names."""
    from remit.custody import TargetSystems

    return TargetSystems(
        database=lambda connection: open_source(f"conn:{connection}", resolve),
        status_server=lambda connection: open_status_server(f"conn:{connection}", resolve),
    )


def open_status_server(spec: str, resolve: Resolve = no_connections) -> StatusServer:
    """A FHIR server from ``https://:TOKEN@HOST/PATH[?ca=FILE]`` or ``conn:ID``.

    Raises:
        Refused: status-server-insecure.
        UsageError: it has another form. No part of it is repeated.
    """
    from remit.adapters.bulk_submit import open_server

    return open_server(_resolved(spec, resolve))


def open_judge() -> Judge:
    """The judge of expectations."""
    from remit.adapters.gx import GxJudge

    return GxJudge()


def _resolved(spec: str, resolve: Resolve) -> str:
    place = _resolved_source(spec, resolve)
    if not isinstance(place, str):
        raise UsageError(f"{spec} is no folder and no bucket.")
    return place


def _resolved_source(spec: str, resolve: Resolve) -> str | Database | SftpPlace:
    return resolve(spec.removeprefix("conn:")) if spec.startswith("conn:") else spec
