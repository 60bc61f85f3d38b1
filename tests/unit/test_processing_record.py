"""The record of processing: every instruction received, whatever became of it, and the runs under it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remit import signing
from remit.custody import REGISTER, Register
from remit.custody.processing_record import processing_record
from remit.errors import EvidenceBroken
from remit.evidence import Record, timestamp
from remit.instruction import PAYLOAD_TYPE, VerifiedInstruction, digest_of, parse, verify
from remit.instruction.revocation import revoke, verify_revocation
from remit.testing.controller import Controller, Edit, Parties
from remit.testing.world import Clock

Fields = dict[str, Any]
REASON = "The laboratory moves later than planned"


class Evidence:
    """The register of a deployment, made without one: what the controllers sign, and what is noted."""

    def __init__(self, root: Path) -> None:
        self.clock = Clock()
        self.clock.moment = self.clock.moment.replace(microsecond=0)
        self._controller = Controller(root / "include", root / "keys")
        signing.new_key("signing", root / "processor.pem")
        signing.new_key("recipient", root / "target.pem")
        public = {
            name: signing.load_public(root / f"{name}.pem.pub") for name in ("processor", "target")
        }
        self._parties = Parties(
            str(public["processor"]), str(public["target"]), str(public["processor"])
        )
        self._signer = signing.load_signer(str(root / "keys" / "controller.pem"))
        self._trust = Trusting(signing.key_of(self._signer))
        self.records: list[Record] = []

    def fields(self, edit: Edit | None = None) -> Fields:
        fields = self._controller.fields(self._parties)
        self.valid(fields, -1, 365)
        if edit:
            edit(fields)
        return fields

    def valid(self, fields: Fields, start: float, until: float) -> None:
        now = self.clock()
        fields["valid"] = {
            "from": timestamp(now + timedelta(days=start)),
            "until": timestamp(now + timedelta(days=until)),
        }

    def receive(self, edit: Edit | None = None) -> VerifiedInstruction:
        text = json.dumps(self.fields(edit)).encode()
        envelope = signing.sign(text, PAYLOAD_TYPE, self._signer)
        verified = verify(envelope, self._trust, None)
        assert self._register().receive(verified)
        return verified

    def revoke(self, instruction: VerifiedInstruction, by: str = "") -> None:
        envelope = revoke(
            instruction.terms, instruction.digest, REASON, self.clock(), self._signer, by
        )
        self._register().revoke(verify_revocation(envelope, self._trust, "it"))

    def note(self, run: str, kind: str, **data: Any) -> None:
        self.append(run, kind, data, "test", step=len(self.of(run)))

    def open(self, run: str, instruction: VerifiedInstruction, **more: Any) -> None:
        terms = instruction.terms
        asked = {"id": terms.id, "version": terms.version, "digest": instruction.digest}
        data = {"instruction": asked, "interval": None, "source": "a", "landing": "b"} | more
        self.note(run, "opened", **data)

    def record(self) -> Fields:
        return processing_record(self.records, self.clock())

    def of(self, run: str) -> list[Record]:
        return [record for record in self.records if record.run == run]

    # As the register writes and reads a log.

    def append(self, run: str, kind: str, data: Any, by: str, *, step: int) -> None:
        at = timestamp(self.clock())
        self.records.append(Record(len(self.records), run, step, kind, at, by, data))

    def _register(self) -> Register:
        no_keys = SimpleNamespace(kept=lambda **_: iter(()))  # none was revoked
        log = SimpleNamespace(records=self.of, append=self.append, ledger=no_keys)
        return Register(SimpleNamespace(log=log, trust=self._trust), "test")


class Trusting:
    """Trusts one key, as whatever controller."""

    def __init__(self, key: signing.PublicKey) -> None:
        self._key = key

    def keys_for(self, _: str) -> list[signing.PublicKey]:
        return [self._key]

    def threshold(self, _: str) -> int:
        return 1

    def is_flat(self, _: str) -> bool:
        return True


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path)


def only(record: Fields) -> Fields:
    [controller] = record["controllers"]
    [instruction] = controller["instructions"]
    return instruction


def next_version(before: VerifiedInstruction, *edits: Edit) -> Edit:
    def edit(fields: Fields) -> None:
        fields["version"] = before.terms.version + 1
        fields["supersedes"] = {"version": before.terms.version, "digest": before.digest}
        for more in edits:
            more(fields)

    return edit


# --- what it holds ------------------------------------------------------------------------------


def test_without_anything_received_it_is_empty(evidence: Evidence) -> None:
    now = timestamp(evidence.clock())

    assert evidence.record() == {"made_at": now, "processors": [], "controllers": []}


def test_it_names_processor_controller_and_their_contacts(evidence: Evidence) -> None:
    evidence.receive()
    record = evidence.record()

    assert record["processors"] == [
        {
            "legal_name": "Migrations SA",
            "dpo": {"name": "Paul Petit", "email": "dpo@migrations.example"},
        }
    ]
    [controller] = record["controllers"]
    assert (controller["controller"], controller["legal_name"]) == (
        "durand",
        "Laboratoires Durand SELAS",
    )
    assert controller["contact"]["email"] == "helene.durand@durand.example"


def test_it_says_what_the_instruction_says(evidence: Evidence) -> None:
    def edit(fields: Fields) -> None:
        fields["recipients"][0] |= {
            "country": "US",
            "safeguard": "Clauses of 4 June 2021, signed 10 May",
        }
        fields["subprocessors"] = [
            {
                "legal_name": "Zone SARL",
                "country": "FR",
                "task": "Hosts the landing zone in Strasbourg",
            }
        ]
        fields["retention"]["after_confirmation"] = "PT2H"

    verified = evidence.receive(edit)
    found = only(evidence.record())

    assert (found["id"], found["version"], found["digest"]) == ("durand-2026", 1, verified.digest)
    assert found["received_at"] == timestamp(evidence.clock())
    for name in ("subject", "nature", "purpose", "data_subjects"):
        assert found[name] == getattr(verified.terms, name)
    assert found["contract"] == "DUR-2026-014"
    assert found["categories"] == ["administrative", "health", "technical"]
    assert found["special_categories"] == ["health"]
    assert found["recipients"] == [
        {
            "legal_name": "Kalisil SAS",
            "country": "US",
            "categories": ["technical", "administrative", "health"],
        }
    ]
    assert found["subprocessors"][0]["task"] == "Hosts the landing zone in Strasbourg"
    assert found["third_countries"] == [
        {
            "country": "US",
            "party": "Kalisil SAS",
            "safeguard": "Clauses of 4 June 2021, signed 10 May",
        }
    ]
    assert found["security"] == {
        "encryption": "AES-256-GCM",
        "decryption_keys": "recipients",
        "transport": "folder",
        "deleted_after_confirmation_seconds": 7200,
        "deleted_at_the_latest_seconds": 7 * 86400,
    }
    assert found["supersedes"] is found["revocation"] is None
    assert found["runs"] == []


def test_it_is_json_and_leaves_signatures_and_keys_out(evidence: Evidence) -> None:
    evidence.receive()
    text = json.dumps(evidence.record())

    assert json.loads(text) == evidence.record()
    for word in ("envelope", "payload", "ed25519", "x25519", "sig"):
        assert f'"{word}' not in text


def test_joint_controllers_are_named_with_their_contacts(evidence: Evidence) -> None:
    def edit(fields: Fields) -> None:
        other = copy.deepcopy(fields["controller"])
        other |= {"name": "martin", "legal_name": "Clinique Martin SAS"}
        other["contact"] = {"name": "Marc Martin", "email": "marc@martin.example"}
        fields["joint_controllers"] = [other]

    evidence.receive(edit)
    contact = {"name": "Marc Martin", "email": "marc@martin.example"}

    assert only(evidence.record())["joint_controllers"] == [
        {"legal_name": "Clinique Martin SAS", "contact": contact}
    ]


def test_each_controller_has_its_own_part_and_the_processor_is_named_once(
    evidence: Evidence,
) -> None:
    evidence.receive()
    evidence.receive(
        lambda f: f["controller"].update(name="anders", legal_name="Labor Anders GmbH")
    )
    evidence.receive(lambda f: f.update(id="durand-second"))
    record = evidence.record()

    named = {c["controller"]: [i["id"] for i in c["instructions"]] for c in record["controllers"]}
    assert named == {"anders": ["durand-2026"], "durand": ["durand-2026", "durand-second"]}
    assert list(named) == sorted(named)
    assert len(record["processors"]) == 1


def test_every_data_protection_officer_that_was_named_is_listed(evidence: Evidence) -> None:
    first = evidence.receive()
    evidence.receive(next_version(first, lambda f: f["processor"]["dpo"].update(name="Ines Roy")))

    names = [processor["dpo"]["name"] for processor in evidence.record()["processors"]]
    assert names == ["Paul Petit", "Ines Roy"]


@pytest.mark.parametrize("order", ["as made", "the other way round"])
def test_the_controllers_contact_is_that_of_its_newest_instruction(
    evidence: Evidence, order: str
) -> None:
    def moved(fields: Fields) -> None:
        fields["controller"]["contact"]["name"] = "Claire Durand"
        evidence.valid(fields, 0, 365)

    first = json.dumps(evidence.fields()).encode()
    later = next_version(VerifiedInstruction(parse(first), digest_of(first), b""), moved)
    for edit in [None, later] if order == "as made" else [later, None]:
        evidence.receive(edit)

    [controller] = evidence.record()["controllers"]
    assert controller["contact"]["name"] == "Claire Durand"
    assert {one["version"] for one in controller["instructions"]} == {1, 2}


# --- whether it is in force ---------------------------------------------------------------------


def test_it_says_whether_an_instruction_is_in_force(evidence: Evidence) -> None:
    evidence.receive(lambda f: evidence.valid(f, 2, 10))
    start = evidence.clock() + timedelta(days=2)
    second = timedelta(seconds=1)
    states = []
    for moment in (
        start - second,
        start,
        start + timedelta(days=8) - second,
        start + timedelta(days=8),
    ):
        evidence.clock.moment = moment
        states.append(only(evidence.record())["state"])

    assert states == [
        f"not valid before {timestamp(start)}",
        "in force",
        "in force",
        f"expired at {timestamp(start + timedelta(days=8))}",
    ]


def versions(record: Fields) -> dict[int, str]:
    [controller] = record["controllers"]
    return {one["version"]: one["state"] for one in controller["instructions"]}


def test_it_says_which_version_supersedes_and_since_when(evidence: Evidence) -> None:
    start = evidence.clock() + timedelta(days=3)
    first = evidence.receive()
    second = evidence.receive(next_version(first, lambda f: evidence.valid(f, 3, 10)))
    assert versions(evidence.record())[1] == "in force"

    evidence.clock.moment = start
    evidence.receive(next_version(second, lambda f: evidence.valid(f, 1, 20)))
    evidence.clock.advance(days=2)

    since = f"since {timestamp(start)}"
    assert versions(evidence.record()) == {
        1: f"superseded by version 2 {since}",
        2: f"superseded by version 3 since {timestamp(start + timedelta(days=1))}",
        3: "in force",
    }
    evidence.clock.advance(days=30)
    assert versions(evidence.record())[1] == f"superseded by version 2 {since}"


def test_it_says_who_revoked_an_instruction_and_why(evidence: Evidence) -> None:
    first = evidence.receive()
    evidence.clock.advance(hours=1)
    evidence.revoke(first)
    known = timestamp(evidence.clock())
    evidence.clock.advance(days=500)

    found = only(evidence.record())
    assert found["state"] == f"revoked (known since {known})"
    assert found["revocation"] == {
        "received_at": known,
        "controller": "durand",
        "reason": REASON,
    }


# --- the runs -----------------------------------------------------------------------------------


def test_each_run_is_under_the_version_that_it_was_pinned_to(evidence: Evidence) -> None:
    first = evidence.receive()
    evidence.open("run-a", first)
    second = evidence.receive(next_version(first))
    evidence.open("run-b", second)
    evidence.open("run-c", first)

    [controller] = evidence.record()["controllers"]
    runs = {one["version"]: [r["run"] for r in one["runs"]] for one in controller["instructions"]}
    assert runs == {1: ["run-a", "run-c"], 2: ["run-b"]}


def test_a_run_is_told_with_its_interval_rows_and_times(evidence: Evidence) -> None:
    interval = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    evidence.open("run-a", evidence.receive(), interval=interval, source="lis", landing="/zone")
    times = {"opened_at": timestamp(evidence.clock())}
    evidence.note("run-a", "extracted", files=[{"rows": 3}, {"rows": 4}])
    for kind in ("delivered", "confirmed", "deleted"):
        evidence.clock.advance(hours=1)
        evidence.note("run-a", kind)
        times[f"{kind}_at"] = timestamp(evidence.clock())

    [run] = only(evidence.record())["runs"]
    assert run == times | {
        "run": "run-a",
        "state": "deleted",
        "interval": interval,
        "source": "lis",
        "landing": "/zone",
        "rows": 7,
        "held": None,
        "locked": None,
    }


def test_a_run_that_extracted_nothing_has_no_number_of_rows(evidence: Evidence) -> None:
    evidence.open("run-a", evidence.receive())
    evidence.note("run-a", "refused")

    [run] = only(evidence.record())["runs"]
    assert (run["state"], run["rows"], run["delivered_at"]) == ("refused", None, None)


def test_a_run_that_was_refused_before_it_was_opened_is_under_no_instruction(
    evidence: Evidence,
) -> None:
    evidence.receive()
    evidence.note("run-a", "refused")

    assert only(evidence.record())["runs"] == []


# --- damage -------------------------------------------------------------------------------------


def changed(records: list[Record], number: int, **data: Any) -> Iterator[Record]:
    for place, record in enumerate(records):
        yield replace(record, data=record.data | data) if place == number else record


DAMAGE: dict[str, Callable[[list[Record]], Any]] = {
    "the text received is another": lambda r: changed(
        r, 0, envelope=r[0].data["envelope"].replace('"payload":"', '"payload":"AAAA')
    ),
    "the text received is that of a later version": lambda r: changed(
        r, 0, envelope=r[3].data["envelope"]
    ),
    "the text received is none": lambda r: changed(r, 0, envelope="{}"),
    "the text received is no text": lambda r: changed(r, 0, envelope=7),
    "no instruction": lambda r: changed(r, 0, instruction=None),
    "no controllers": lambda r: changed(r, 0, controllers=[]),
    "a version as text": lambda r: changed(
        r, 0, instruction=r[0].data["instruction"] | {"version": "1"}
    ),
    "no window": lambda r: changed(r, 0, valid={}),
    "a window in words": lambda r: changed(r, 0, valid={"from": "now", "until": "never"}),
    "no reason": lambda r: [r[0], _without(r[1], "reason"), *r[2:]],
    "the first record is missing": lambda r: r[1:],
    "a record is there twice": lambda r: [r[0], *r],
    "another kind of record": lambda r: [replace(r[0], kind="opened"), *r[1:]],
    "a revocation of what was never received": lambda r: changed(
        r, 1, instruction=r[1].data["instruction"] | {"digest": "sha256:0"}
    ),
    "a run of another instruction": lambda r: changed(
        r, 2, instruction=r[2].data["instruction"] | {"digest": "sha256:0"}
    ),
    "a run without an instruction": lambda r: changed(r, 2, instruction=None),
    "a run without its interval": lambda r: [*r[:2], _without(r[2], "interval")],
}


def _without(record: Record, name: str) -> Record:
    return replace(record, data={key: value for key, value in record.data.items() if key != name})


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_is_not_told_around(evidence: Evidence, damage: Any) -> None:
    first = evidence.receive()
    evidence.revoke(first)
    evidence.open("run-a", first)
    evidence.receive(next_version(first))
    assert evidence.record()
    now: datetime = evidence.clock()

    with pytest.raises(EvidenceBroken):
        processing_record(damage(evidence.records), now)


def test_the_register_is_no_run(evidence: Evidence) -> None:
    evidence.receive()

    assert REGISTER not in json.dumps(evidence.record())
