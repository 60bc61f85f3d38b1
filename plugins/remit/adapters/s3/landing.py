"""A landing zone in a bucket.

Guarantee: the manifest comes last, and no version of anything is ever written over; a reader who
begins at the manifest finds every file that it names. What is there under its digest is not sent
again. Nothing is sent to a bucket that anybody may read, or by an account that is nobody's own.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from remit import landing
from remit.adapters.resuming import BLOCK
from remit.adapters.s3.draft import S3Draft
from remit.adapters.s3.failures import code_of, is_denied, status_of
from remit.adapters.s3.place import S3Place
from remit.adapters.s3.privacy import is_private
from remit.adapters.s3.store import IDENTITY, S3Store
from remit.errors import Refused
from remit.ports import LandingTerms, Outgoing

_UNSET = ("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "404")
_log = logging.getLogger(__name__)


class S3Landing(S3Store):
    """Implements `remit.ports.LandingZone` on a bucket."""

    transport = "s3"

    def __init__(self, place: S3Place) -> None:
        super().__init__(place)
        self._terms = LandingTerms()
        self.specification = place.specification

    def bind(self, terms: LandingTerms) -> None:
        """See `remit.ports.LandingZone`."""
        self._terms = terms

    def endpoint(self) -> str | None:
        """See `remit.ports.LandingZone`: its own name."""
        return self.identity()

    def claim(self) -> str:
        """See `remit.ports.Store`; `preflight` tries the bucket."""
        with self._guard, self._translated(IDENTITY):
            if self.identity() is None:
                self._name()
        return self.identity() or ""

    def create(self, path: str) -> S3Draft:
        """See `remit.ports.Store`; what is published is never written over."""
        where = f"{self.label}/{path}"
        return S3Draft(self._client, self._place.bucket, self._key(path), where, anew=True)

    def preflight(self, room: int = 0) -> None:
        """See `remit.ports.LandingZone`; leaves nothing behind that can be deleted.

        Raises:
            Refused: landing-account-shared, landing-unwritable, landing-undeletable,
                landing-anonymous.
        """
        with self._guard, self._translated(IDENTITY):
            self._require_named()
            if self._keeps_by_default():
                # A trial would stay, as each file will until then; the store's name serves instead.
                self._or_unwritable(self.claim)
                self._require_private(IDENTITY)
            else:
                self._try_a_file()
        landing.require_room(self.label, None, room)

    def publish(self, folder: str, files: Mapping[str, Outgoing]) -> None:
        """See `remit.ports.LandingZone`: each file under its name, the last one last."""
        there = {stored.path for stored in self.list(folder)}
        if there - {f"{folder}/{name}" for name in files}:
            raise landing.conflict(self.label, folder)
        for name, file in files.items():
            path = f"{folder}/{name}"
            if self.exists(path):
                if self._digest(path) != file.sha256:
                    raise landing.conflict(self.label, folder)
            else:
                self._send(path, file)

    # --- inside -------------------------------------------------------------------------------

    def _send(self, path: str, file: Outgoing) -> None:
        with self._translated(path):
            for upload in self._uploads(self._key(path)):
                if upload["Key"] == self._key(path):
                    self._abort(upload)  # of a try that was killed
        draft = self.create(path)
        try:
            with file.open() as source:
                while data := source.read(BLOCK):
                    draft.write(data)
            draft.publish()
        except BaseException:
            draft.discard()
            raise

    def _digest(self, path: str) -> str:
        digest = hashlib.sha256()
        with self.open(path) as there:
            while data := there.read(BLOCK):
                digest.update(data)
        return f"sha256:{digest.hexdigest()}"

    def _require_named(self) -> None:
        arn = self._place.principal(self._client)
        if arn is None:
            _log.warning("%s does not tell which account this is.", self.label)
            return
        kind, *names = arn.rpartition(":")[2].split("/")
        # A session's name is made up by whoever takes the role; a user's comes after its path.
        own = names[:1] if kind == "assumed-role" else names[-1:]
        landing.require_named(self.label, [*own, kind, arn], self._terms.shared)

    def _keeps_by_default(self) -> bool:
        """Whether the bucket locks what is put there; what forbids to ask is told by the trial."""
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._place.bucket)
        except ClientError as error:
            if code_of(error) in _UNSET or is_denied(error) or status_of(error) in (400, 501):
                return False
            raise
        if "DefaultRetention" not in found["ObjectLockConfiguration"].get("Rule", {}):
            return False
        _log.warning("%s locks what is put there; it is deleted when the lock ends.", self.label)
        return True

    def _try_a_file(self) -> None:
        trial = f".remit/trial-{secrets.token_hex(8)}"
        self._or_unwritable(lambda: self._put(trial, b""))
        try:
            self._require_private(trial)
        finally:
            try:
                self.remove(trial)
            except Refused:
                raise Refused(
                    "landing-undeletable",
                    self.label,
                    "what is put there cannot be deleted (a right is missing).",
                    "allow s3:DeleteObject and s3:DeleteObjectVersion below the prefix.",
                ) from None

    def _or_unwritable(self, write: Callable[[], Any]) -> None:
        try:
            write()
        except ClientError as error:
            if is_denied(error):
                raise landing.unwritable(self.label, "the storage denies it") from None
            raise

    def _require_private(self, path: str) -> None:
        if not is_private(self._place, self._client, self._key(path)):
            raise landing.anonymous(self.label, "anybody may read there")
