"""Sweep: hold the stores against the evidence, for what nobody recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.operators.base import RemitOperator
from remit.operators.connections import resolve
from remit.operators.failures import in_words
from remit.operators.telling import logged

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.custody import Swept
    from remit.ports import LandingZone


class SweepOperator(RemitOperator):
    """Reports files and staging keys that no duty to delete covers; deletes them under REMIT_ORPHANS."""

    intent = (
        "Compares staging, keyring and every landing zone with what the evidence knows, and reports "
        "what nobody recorded. It is deleted only if REMIT_ORPHANS says so, and never a stranger's file."
    )

    def perform(self, context: Context) -> None:
        """Sweep, tell what was found, and fail if something should have gone and did not."""
        from remit.custody import sweep
        from remit.wiring import open_landing

        def landing(spec: str) -> LandingZone:
            return open_landing(spec, resolve)

        deployment = self.deployment()
        done = sweep(deployment, self.principal(context), landing, deployment.orphans_after)
        self._tell(done)
        for _, error in done.failed:
            raise error

    def _tell(self, done: Swept) -> None:
        from remit.custody.orphans import WHY

        for one in done.found:
            size = f"{one.files} files, {one.size} bytes"
            what = logged(f"{one.place}: {one.name}: {size}; {WHY[one.why]}.")
            if one in done.removed:
                self.log.info("%s Removed and looked for again: gone.", what)
            else:
                self.log.warning(what)
        for spec, error in done.unseen:
            self.log.warning(logged(f"{spec} was not looked at: {in_words(error)}"))
        for one, error in done.failed:
            self.log.error(logged(f"{one.place}: {one.name} is NOT removed. {in_words(error)}"))
        self.log.info("%d orphans, %d of them new.", len(done.found), len(done.new))
