"""The desk: alerts as a person sees them, acknowledges and closes them.

Guarantee: only a person whom the instruction names, and lets acknowledge, does so, by an account of
their own, with a reason in words. An acknowledgement stops the escalation for a week and no longer.
Closing ends an alert; a condition that still holds raises a new one at the next pass.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from remit.alert_kinds import KINDS
from remit.alerts import emergency, heartbeat
from remit.alerts.model import ACKNOWLEDGED_FOR, ALERTS, Act, Alert
from remit.alerts.office import Office
from remit.alerts.persons import answering, concerned
from remit.alerts.projection import alerts_in
from remit.custody import REGISTER
from remit.custody.attempts import record_attempt
from remit.errors import EvidenceBroken, Refused, Unavailable, one_line
from remit.evidence import parse_timestamp, timestamp
from remit.instruction import Instruction, vague
from remit.people import Identity, as_record, require_person
from remit.ports import Notes

_TRIES = 20
_SUPERVISOR = "supervisor "


class Desk:
    """The alerts of a deployment."""

    def __init__(self, deployment: Office, by: str) -> None:
        """Take up the alerts.

        Args:
            by: the principal in whose name acts are recorded.
        """
        self._deployment, self._by = deployment, by

    def alerts(self) -> list[Alert]:
        """Every alert ever raised, and first what cannot be recorded while it goes on."""
        now = self._deployment.clock()
        return [*self.emergencies(), *alerts_in(self._deployment.log.ledger, now)]

    def emergencies(self) -> list[Alert]:
        """Broken evidence and a ledger that is away, as alerts that the log does not have."""
        now = self._deployment.clock()
        return emergencies(self._deployment.notes, now)

    def alert(self, name: str) -> Alert:
        """The alert of that id.

        Raises:
            Refused: alert-unknown.
        """
        for alert in self.emergencies():
            if alert.id == name:
                return alert
        for alert in alerts_in(self._deployment.log.ledger, self._deployment.clock()):
            if alert.id == name:
                return alert
        raise Refused(
            "alert-unknown",
            f"alert {name[:40]}",
            "no alert of this id was raised, or what it was about is over.",
            "list them with remit alerts.",
        )

    def acknowledge(self, name: str, identity: Identity, reason: str) -> Alert:
        """Take an alert up: its escalation rests for a week.

        Raises:
            Refused: alert-unknown, alert-closed, alert-reason; those of `require_person`.
        """
        until = self._deployment.clock() + ACKNOWLEDGED_FOR
        alert = self.alert(name)
        data = self._act("acknowledge", alert, identity, reason)
        if alert.id in emergency.PATIENCE:
            data |= {"at": timestamp(self._deployment.clock())}
            emergency.acknowledge(self._deployment.notes, alert.id, data)
        else:
            self._record(alert.id, "acknowledged", data | {"until": timestamp(until)})
        return self.alert(name)

    def close(self, name: str, identity: Identity, reason: str) -> Alert:
        """End an alert. A supervisor that is silent is not expected any more.

        Raises:
            Refused: as `acknowledge`; what cannot be recorded is not closed, but ends by itself.
        """
        alert = self.alert(name)
        if alert.id in emergency.PATIENCE:
            raise _closed(alert, "it ends when a pass of supervision finds the evidence whole.")
        self._record(alert.id, "closed", self._act("close", alert, identity, reason))
        if alert.kind == "supervision-silent" and alert.about.startswith(_SUPERVISOR):
            heartbeat.forget(self._deployment.notes, alert.about.removeprefix(_SUPERVISOR))
        return self.alert(name)

    def _act(self, what: str, alert: Alert, identity: Identity, reason: str) -> dict[str, Any]:
        """Who acts and why: first whether they may, for what a stranger tries is worth knowing."""
        by = self._person(what, alert, identity)
        if alert.state == "closed":
            raise _closed(alert, "it was closed before, and a closed alert stays so.")
        try:
            vague.require_filled(reason)
            said = len(reason.split()) > 1 and len(reason) <= LONGEST
        except vague.SaysNothing:
            said = False
        if not said:
            raise Refused(
                "alert-reason",
                f"alert {alert.id}",
                "the reason says nothing, or is longer than 2000 characters.",
                "say in a sentence what was found and what is done about it.",
            )
        return {"alert": alert.id, "reason": one_line(reason), **by}

    def _person(self, what: str, alert: Alert, identity: Identity) -> dict[str, Any]:
        """The person whom an instruction that it concerns names, as evidence has them."""
        refusal: Refused | None = None
        for terms in concerned(self._answering(), alert):
            try:
                person = require_person(terms, identity, "acknowledge")
            except Refused as error:
                refusal = refusal or error
                continue
            return as_record(identity, person)
        refusal = refusal or _nobody(alert)
        if alert.id not in emergency.PATIENCE:  # else the log cannot record this either
            self._attempted(what, alert, identity, refusal)
        raise refusal

    def _attempted(self, what: str, alert: Alert, identity: Identity, refusal: Refused) -> None:
        said = f"{what} alert {alert.id}"
        account, why = identity.account, refusal.code
        record_attempt(self._deployment, said, account, identity.address, why, alert.run)

    def _answering(self) -> list[Instruction]:
        try:
            records = self._deployment.log.records(REGISTER)
            return answering(records, self._deployment.clock())
        except EvidenceBroken:
            return []  # nobody can be told from it, and nobody acts

    def _record(self, name: str, kind: str, data: dict[str, Any]) -> None:
        """Append, unless it was closed by somebody else meanwhile."""
        log = self._deployment.log
        for _ in range(_TRIES):
            step = len(list(log.ledger.kept(ALERTS)))
            if (alert := self.alert(name)).state == "closed":
                raise _closed(alert, "somebody closed it meanwhile.")
            try:
                log.append(ALERTS, kind, data, self._by, step=step)
            except Refused as refusal:
                if refusal.code != "run-moved":
                    raise
                continue
            return
        raise Unavailable("the alerts", "others keep recording in them; try again.")


LONGEST = 2000
"""So many characters a reason may have."""


def emergencies(notes: Notes, now: datetime) -> list[Alert]:
    """What cannot be recorded while it goes on, as alerts that the log does not have."""
    return [_as_alert(one, now) for one in emergency.going_on(notes) if one.is_felt(now)]


def _as_alert(one: emergency.Emergency, now: datetime) -> Alert:
    by: Any = one.acknowledged if one.rests(now) else None
    act = Act(by["name"], by["account"], parse_timestamp(by["at"]), by["reason"]) if by else None
    return Alert(
        id=one.kind,
        kind=one.kind,
        severity=KINDS[one.kind].severity,
        about=one.where,
        run=None,
        instruction=None,
        controllers=(),
        seq=None,
        raised_at=one.began,
        state="acknowledged" if act else "open",
        message=one.message,
        way_out="find out what happened to the ledger (remit evidence verify --all).",
        chain=(),
        acknowledged=act,
    )


def _closed(alert: Alert, what: str) -> Refused:
    return Refused(
        "alert-closed",
        f"alert {alert.id}",
        what,
        "nothing is to be done; a condition that holds raises a new alert at the next pass.",
    )


def _nobody(alert: Alert) -> Refused:
    return Refused(
        "person-not-authorised",
        f"alert {alert.id}",
        "no instruction was received that names anybody who could acknowledge it.",
        "take an instruction in first (remit instruction receive FILE).",
    )
