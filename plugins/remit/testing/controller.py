"""A simulated controller: the laboratory Durand, its keys, and the instruction it signs.

The instruction covers the database that `remit.testing.laboratory` makes: one year of results of
two of six sites, three harmless attributes, and the patients' pseudonymous ids; no name, no NIR, no
free text, no credentials.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from remit import signing
from remit.evidence import timestamp
from remit.instruction import PAYLOAD_TYPE, envelope_path

NAME = "durand"
Edit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Parties:
    """The public keys that an instruction pins."""

    processor: str
    target: str
    target_receipt: str


class Controller:
    """Writes and signs instructions into an `include` folder."""

    def __init__(self, include: Path, keys: Path) -> None:
        """Make the controller's key, and have the processor trust it.

        Args:
            include: the processor's include folder; gets the public key and expectations.
            keys: the controller's own folder, for its private key.
        """
        self.include = include
        self._key = keys / "controller.pem"
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._key.exists():
            signing.new_key("signing", self._key)
        trusted = include / "controllers" / NAME / "keys"
        trusted.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._key.with_name("controller.pem.pub"), trusted / "controller.pub")
        self._copy_expectations()
        self._now = datetime.now(UTC)

    def instruct(
        self, parties: Parties, file: str = "durand.yaml", edit: Edit | None = None
    ) -> Path:
        """Write an instruction and sign it.

        Args:
            edit: changes the fields before they are written, for tests of what is refused.
        """
        fields = self.fields(parties)
        if edit is not None:
            edit(fields)
        path = self.include / "instructions" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(fields, allow_unicode=True, sort_keys=False), "utf-8")
        self.sign(path)
        return path

    def sign(self, path: Path) -> None:
        """Sign whatever the file holds, as a controller could, valid or not."""
        signer = signing.load_signer(str(self._key))
        envelope_path(path).write_bytes(signing.sign(path.read_bytes(), PAYLOAD_TYPE, signer))

    def fields(self, parties: Parties) -> dict[str, Any]:
        """The instruction's fields, with validity for a year from the day before it was made."""
        fields: dict[str, Any] = copy.deepcopy(yaml.safe_load(_TEMPLATE))
        fields["processor"]["signing_key"] = parties.processor
        fields["recipients"][0] |= {"key": parties.target, "receipt_key": parties.target_receipt}
        fields["valid"] = {
            "from": timestamp(self._now - timedelta(days=1)),
            "until": timestamp(self._now + timedelta(days=365)),
        }
        for suite in fields["expectations"]:
            text = (self.include / "expectations" / suite["file"]).read_bytes()
            suite["sha256"] = hashlib.sha256(text).hexdigest()
        return fields

    def _copy_expectations(self) -> None:
        folder = self.include / "expectations"
        folder.mkdir(parents=True, exist_ok=True)
        for suite in resources.files("remit.testing").joinpath("expectations").iterdir():
            (folder / suite.name).write_bytes(suite.read_bytes())


ALICE = {
    "name": "Alice Martin",
    "email": "alice.martin@migrations.example",
    "account": "alice",
    "may": ["approve", "hold", "acknowledge", "confirm", "revoke"],
}
BRUNO = {
    "name": "Bruno Petit",
    "email": "bruno.petit@migrations.example",
    "account": "bruno",
    "may": ["approve"],
}


def four_eyes(fields: dict[str, Any]) -> None:
    """Edit: Alice or Bruno approves within a day; Camille may do the usual, and has no account."""
    # Copies, because what is edited next must not reach the persons of another instruction.
    fields["contacts"]["authorised"] = (
        copy.deepcopy([ALICE, BRUNO]) + fields["contacts"]["authorised"]
    )
    fields["contacts"]["shared_accounts"] = ["night-shift"]
    fields["approval"] = {"within": "PT24H"}


_TEMPLATE = """
remit: 1
id: durand-2026
version: 1
controller:
  name: durand
  legal_name: Laboratoires Durand SELAS
  contact: {name: Hélène Durand, email: helene.durand@durand.example}
processor:
  legal_name: Migrations SA
  dpo: {name: Paul Petit, email: dpo@migrations.example}
  contract: DUR-2026-014
  signing_key: ""
subject: Results of two sites that move to a new laboratory system
nature: One extraction from the old system, transfer to the new one, deletion
purpose: Continuity of care after the change of laboratory system in Lyon
data_subjects: [Patients of the sites LYO1 and LYO2 in 2024]
valid: {}
changes: A new version signed by the laboratory's two managers replaces this one; a signed revocation ends it
objections:
  contact: {name: Hélène Durand, email: helene.durand@durand.example}
  how: The processor writes to the contact before it acts; no run starts until the laboratory has answered
recipients:
  - name: kalisil
    legal_name: Kalisil SAS
    country: FR
    categories: [technical, administrative, health]
subprocessors: []
security:
  encryption: AES-256-GCM
  decryption_keys: recipients
  transport: folder
  account: {overprivileged: warn, shared: [lis, labo]}
tables:
  - name: results
    rows:
      window: {column: result_date, type: date, from: "2024-01-01", to: "2025-01-01"}
      sites: {column: site_code, in: [LYO1, LYO2]}
      all_codes: The new system must show every earlier analysis of a patient to the biologist
      maximum: 50000
    columns:
      - {name: result_id, type: uuid, category: technical, nullable: false, purpose: Identity}
      - {name: patient_id, type: uuid, category: administrative, nullable: false, purpose: Link}
      - {name: site_code, type: string, category: administrative, nullable: false, purpose: Site}
      - {name: loinc_code, type: string, category: health, nullable: false, purpose: What was measured}
      - {name: value_numeric, type: "decimal(12,4)", category: health, purpose: The measured value}
      - {name: value_text, type: string, category: health, purpose: The coded result}
      - {name: unit, type: string, category: health, purpose: Unit of the value}
      - {name: reference_low, type: "decimal(12,4)", category: health, purpose: Reading the value}
      - {name: reference_high, type: "decimal(12,4)", category: health, purpose: Reading the value}
      - {name: abnormal, type: boolean, category: health, purpose: Reading the value}
      - {name: result_date, type: date, category: health, nullable: false, purpose: Order of results}
      - {name: validated_at, type: timestamptz, category: technical, purpose: Status of the result}
  - name: observation_history
    rows:
      window:
        column: observed_at
        type: timestamptz
        from: "2024-01-01T00:00:00+01:00"
        to: "2025-01-01T00:00:00+01:00"
      sites: {column: site_code, in: [LYO1, LYO2]}
      codes: {column: code, in: [bloodGroup, smoker, weightKg]}
      maximum: 20000
    columns:
      - {name: observation_id, type: integer, category: technical, nullable: false, purpose: Identity}
      - {name: patient_id, type: uuid, category: administrative, nullable: false, purpose: Link}
      - {name: observed_at, type: timestamptz, category: health, nullable: false, purpose: When}
      - {name: code, type: string, category: health, nullable: false, purpose: Which attribute}
      - {name: value, type: string, category: health, nullable: false, purpose: The attribute}
expectations:
  - {table: results, file: laboratory_results.yaml, sha256: ""}
  - {table: observation_history, file: laboratory_observations.yaml, sha256: ""}
confirmation: {level: L3}
retention:
  at_end: delete
  after_confirmation: PT0S
  without_confirmation: P7D
  backups: Staging and landing zone are on volumes that no backup job reads
contacts:
  breach: {name: Hélène Durand, email: helene.durand@durand.example}
  breach_within: PT24H
  rights: {name: Hélène Durand, email: helene.durand@durand.example}
  rights_within: P3D
  audit: {name: Hélène Durand, email: helene.durand@durand.example}
  authorised:
    - {name: Camille Moreau, email: camille.moreau@migrations.example}
  confidentiality: Each has signed the confidentiality undertaking annexed to contract DUR-2026-014
"""
