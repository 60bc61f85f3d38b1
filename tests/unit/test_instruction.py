"""Each field's rule: what is accepted is kept as it is written, what is not is named."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
import yaml

from remit.instruction import Category, Instruction, parse, problems_of
from remit.instruction.reading import Problem
from remit.testing.controller import _TEMPLATE

# Nobody's keys; the second is the base point of the curve.
KEYS = {"ed25519": "ed25519:" + "A" * 43 + "=", "x25519": "x25519:CQ" + "A" * 41 + "="}
SHA = "0" * 64


def fields() -> dict[str, Any]:
    found = yaml.safe_load(_TEMPLATE)
    found["processor"]["signing_key"] = KEYS["ed25519"]
    found["recipients"][0] |= {"key": KEYS["x25519"], "receipt_key": KEYS["ed25519"]}
    found["valid"] = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00+01:00"}
    for suite in found["expectations"]:
        suite["sha256"] = SHA
    return found


def changed(path: str, value: Any) -> bytes:
    found = fields()
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = found
    for parent in parents:
        place = place[parent]
    place[last] = value
    return yaml.safe_dump(found, allow_unicode=True).encode()


def written(found: dict[str, Any]) -> bytes:
    """In the template's order, each field on a line of its own."""
    return yaml.safe_dump(found, allow_unicode=True, sort_keys=False).encode()


def problems(text: bytes) -> list[Problem]:
    found = problems_of(text)
    assert isinstance(found, list)
    return found


def read(text: bytes) -> Instruction:
    found = problems_of(text)
    assert isinstance(found, Instruction), found
    return found


def test_template_is_an_instruction() -> None:
    terms = read(yaml.safe_dump(fields()).encode())

    assert terms.id == "durand-2026"
    assert terms.target.name == "kalisil"
    assert terms.categories() == {Category.TECHNICAL, Category.ADMINISTRATIVE, Category.HEALTH}


PERSON = {"name": "Camille Moreau", "email": "camille.moreau@migrations.example"}
OTHER = {"name": "Ines Blanc", "email": "ines.blanc@migrations.example"}
CONTACT = {"name": "Hélène Durand", "email": "helene.durand@durand.example"}
SUPERVISION = {
    "owner": PERSON,
    "escalation": [OTHER | {"after": "PT1H"}, CONTACT | {"after": "PT2H"}],
}

ACCEPTED = [
    ("id", "a1"),
    ("id", "a" * 63),
    ("subject", "Résultats des deux sites de Lyon " * 60),
    ("recipients.0.country", "DE"),
    ("recipients.0.country", "NO"),
    ("data_subjects", ["Patients"]),
    ("retention.after_confirmation", "P2D"),
    ("retention.without_confirmation", "PT1H"),
    ("retention.without_confirmation", "P2W"),
    ("contacts.breach_within", "PT72H"),
    ("valid.until", "2026-01-01T00:00:01Z"),
    ("tables.0.columns.0.name", "Nom d'usage"),
    ("tables.0.columns.0.name", "größe"),
    ("tables.0.columns.4.type", "decimal(38,10)"),
    ("tables.0.columns.4.type", "decimal(38, 10)"),
    ("tables.0.columns.5.identifiers", {"treatment": "count", "kinds": ["nir", "email"]}),
    ("tables.0.columns.5.free_text", None),
    ("tables.0.columns.0.nullable", True),
    ("tables.0.rows.maximum", 1),
    ("tables.0.rows.sites", None),
    ("tables.0.rows.window.from", "2023-12-31"),
    ("tables.1.rows.window.from", "2024-01-01T00:00:00Z"),
    ("tables.0.rows", {"all": "A list of forty measuring units, without patients", "maximum": 5}),
    ("expectations", []),
    ("contacts.authorised", [{**PERSON, "account": "camille"}]),
    ("contacts.authorised", [{**PERSON, "account": "svc"}]),
    ("contacts.shared_accounts", ["night-shift"]),
    ("supervision", SUPERVISION),
    ("supervision", SUPERVISION | {"addresses": ["10.0.0.0/8", "2001:db8::/32"]}),
]


@pytest.mark.parametrize(
    ("path", "value"), ACCEPTED, ids=[f"{a[0]}={a[1]!r}"[:60] for a in ACCEPTED]
)
def test_accepted(path, value) -> None:
    read(changed(path, value))


@pytest.mark.parametrize("category", [category.value for category in Category])
def test_every_category_can_be_instructed(category) -> None:
    text = fields()
    text["recipients"][0]["categories"].append(category)
    text["tables"][0]["columns"][0]["category"] = category

    assert read(yaml.safe_dump(text).encode()).tables[0].columns[0].category == category


REFUSED = [
    ("id", "A", "id"),
    ("id", "a", "id"),
    ("id", "a" * 64, "id"),
    ("id", "a_b", "id"),
    ("id", "durand\n", "id"),
    ("id", "dürand", "id"),
    ("id", 7, "id"),
    ("version", 1.0, "version"),
    ("version", 2**60, "(whole document)"),
    ("version", 2, "supersedes"),
    ("remit", "1", "remit"),
    ("subject", "x", "subject"),
    ("subject", "...", "subject"),
    ("subject", "  ", "subject"),
    ("subject", "é" * 2001, "subject"),
    ("subject", None, "subject"),
    ("subject", "as needed", "subject"),
    ("subject", "One extraction from the old system; transfer to the new one, deletion!", "nature"),
    ("purpose", "Results of two sites that move to a new laboratory system", "purpose"),
    ("purpose", "Continuity of care in Lyon; statistics", "purpose"),
    ("nature", "Processing of personal data", "nature"),
    ("changes", "by agreement", "changes"),
    ("objections.how", "immediately", "objections.how"),
    ("contacts.confidentiality", "appropriate confidentiality", "contacts.confidentiality"),
    ("retention.backups", "n/a", "retention.backups"),
    ("processor.contract", "TBD", "processor.contract"),
    ("processor.dpo.name", "to be defined", "processor.dpo.name"),
    ("tables.0.columns.0.purpose", "as needed", "tables[0].columns[0].purpose"),
    ("data_subjects", "Patients", "data_subjects"),
    ("data_subjects", [], "data_subjects"),
    ("data_subjects", [""], "data_subjects[0]"),
    ("data_subjects", ["Patients", "Data subjects"], "data_subjects[1]"),
    ("controller.contact.email", "a@b", "controller.contact.email"),
    ("controller.contact.email", "a b@c.fr", "controller.contact.email"),
    ("controller.contact.email", "a@b.fr\n", "controller.contact.email"),
    ("processor.contract", "", "processor.contract"),
    ("processor.signing_key", KEYS["x25519"], "processor.signing_key"),
    ("processor.signing_key", "file:processor.pem", "processor.signing_key"),
    ("recipients.0.key", KEYS["ed25519"], "recipients[0].key"),
    ("recipients.0.receipt_key", KEYS["x25519"], "recipients[0].receipt_key"),
    ("recipients.0.country", "fr", "recipients[0].country"),
    ("recipients.0.country", "FRA", "recipients[0].country"),
    ("recipients.0.country", "CH", "recipients[0].safeguard"),
    (
        "recipients.0.safeguard",
        "Swiss adequacy decision of 26 July 2000",
        "recipients[0].safeguard",
    ),
    ("recipients", [], "recipients"),
    ("tables", [], "tables"),
    ("valid.from", "2026-01-01", "valid.from"),
    ("valid.from", "2026-01-01T00:00:00", "valid.from"),
    ("valid.from", 1_700_000_000, "valid.from"),
    ("valid.until", "2026-01-01T00:00:00Z", "valid.until"),
    ("valid.until", "forever", "valid.until"),
    ("retention.without_confirmation", "P0D", "retention.without_confirmation"),
    ("retention.without_confirmation", "7 days", "retention.without_confirmation"),
    ("retention.without_confirmation", 7, "retention.without_confirmation"),
    ("retention.without_confirmation", "P1M", "retention.without_confirmation"),
    ("retention.without_confirmation", "P", "retention.without_confirmation"),
    ("contacts.breach_within", "PT0S", "contacts.breach_within"),
    ("contacts.authorised", [{"name": "Team"}], "contacts.authorised[0].email"),
    ("confirmation.level", "L4", "confirmation.level"),
    ("confirmation", {}, "confirmation.level"),
    ("expectations.0.sha256", "0" * 63, "expectations[0].sha256"),
    ("expectations.0.sha256", "A" * 64, "expectations[0].sha256"),
    ("expectations.0.file", "a/b.yaml", "expectations[0].file"),
    ("expectations.0.file", "..\\b.yaml", "expectations[0].file"),
    ("expectations.0.file", ".yaml", "expectations[0].file"),
    ("expectations.0.file", "a.yml", "expectations[0].file"),
    ("expectations.0.file", "a.yaml\n", "expectations[0].file"),
    ("expectations.1.table", "results", "expectations[1].table"),
    ("tables.0.name", "", "tables[0].name"),
    ("tables.0.name", "a\nb", "tables[0].name"),
    ("tables.0.columns.0.name", "a:b", "tables[0].columns[0].name"),
    ("tables.0.columns.0.name", " a", "tables[0].columns[0].name"),
    ("tables.0.columns.0.name", "a\n", "tables[0].columns[0].name"),
    ("tables.0.columns.0.name", "a" * 129, "tables[0].columns[0].name"),
    ("tables.0.columns.0.type", "decimal(40,2)", "tables[0].columns[0].type"),
    ("tables.0.columns.0.category", "Health", "tables[0].columns[0].category"),
    ("tables.0.columns.0.nullable", "false", "tables[0].columns[0].nullable"),
    ("tables.0.columns.0.nullable", 0, "tables[0].columns[0].nullable"),
    ("tables.0.columns.0.type", "decimal( 4,2)", "tables[0].columns[0].type"),
    ("tables.0.columns.2.type", "integer", "tables[0].columns[2].type"),
    ("tables.0.columns.10.type", "timestamp", "tables[0].columns[10].type"),
    ("tables.0.rows.maximum", -1, "tables[0].rows.maximum"),
    ("tables.0.rows.maximum", 1.5, "tables[0].rows.maximum"),
    ("tables.0.rows.maximum", None, "tables[0].rows.maximum"),
    ("tables.0.rows.all", "", "tables[0].rows.all"),
    (
        "tables.0.rows.all",
        "A list of forty measuring units, without patients",
        "tables[0].rows.all",
    ),
    ("tables.0.rows.undated", "One row per patient, whatever the year", "tables[0].rows.undated"),
    ("tables.0.rows.sites.in", [""], "tables[0].rows.sites.in[0]"),
    ("tables.0.rows.sites.in", ["LYO1", 1], "tables[0].rows.sites.in[1]"),
    ("tables.0.rows.sites.in", "LYO1", "tables[0].rows.sites.in"),
    ("tables.0.rows.sites.type", "date", "tables[0].rows.sites.type"),
    ("tables.0.rows.window.type", "string", "tables[0].rows.window.type"),
    ("tables.0.rows.window.from", "01/01/2024", "tables[0].rows.window.from"),
    ("tables.0.rows.window.from", "20240101", "tables[0].rows.window.from"),
    ("tables.0.rows.window.from", "2024-W01-1", "tables[0].rows.window.from"),
    ("tables.0.rows.window.from", "2024-02-30", "tables[0].rows.window.from"),
    ("tables.0.rows.window.from", "٢٠٢٤-01-01", "tables[0].rows.window.from"),
    ("tables.0.rows.window.from", "2025-01-01", "tables[0].rows.window.to"),
    ("tables.0.rows.window.from", "2024-01-01T00:00:00", "tables[0].rows.window.from"),
    ("tables.0.rows.window.per_run", "data_interval", "tables[0].rows.window.timezone"),
    ("tables.0.rows.window.per_run", "nightly", "tables[0].rows.window.per_run"),
    ("tables.0.rows.window.timezone", "Europe/Paris", "tables[0].rows.window.timezone"),
    ("tables.1.rows.window.to", "2024-01-01", "tables[1].rows.window.to"),
    ("tables.1.rows.window.from", "2024-01-01T00:00:00", "tables[1].rows.window.from"),
    ("tables.1.rows.window.from", "2024-01-01T00:00:00.5+01:00", "tables[1].rows.window.from"),
    ("tables.1.rows.window.from", "2024-01-01T00:00:00+01:00:30", "tables[1].rows.window.from"),
    ("tables.1.rows.window.from", "2024-01-01T00+01:00", "tables[1].rows.window.from"),
    ("tables.0.columns.0.transform", {"kind": "hash"}, "tables[0].columns[0].transform.kind"),
    ("tables.0.columns.0.transform", {}, "tables[0].columns[0].transform.kind"),
    ("tables.0.columns.0.transform", "keep", "tables[0].columns[0].transform"),
    ("tables.0.columns.0.transform", {"kind": "empty"}, "tables[0].columns[0].nullable"),
    (
        "tables.0.columns.0.transform",
        {"kind": "pseudonym", "key": "k1"},
        "tables[0].columns[0].transform.key",
    ),
    (
        "tables.0.columns.9.transform",
        {"kind": "truncate", "length": 3},
        "tables[0].columns[9].transform",
    ),
    ("pseudonym_keys", [{"name": "k1", "check": SHA}], "pseudonym_keys[0].name"),
    ("suppress", {"key": "k1", "subjects": [SHA]}, "suppress.key"),
    *(
        ("contacts.authorised", [PERSON | {"account": name}], "contacts.authorised[0].account")
        for name in ("admin", "ROOT", "airflow", "svc-remit", "a b", "...")
    ),
    *(
        (
            "contacts.authorised",
            [PERSON | {"account": "strasse"}, OTHER | {"account": alike}],
            "contacts.authorised[1].account",
        )
        for alike in ("Strasse", "stra\u00dfe", "\uff53trasse", "str\u00e0sse")
    ),
    ("contacts.authorised", [PERSON | {"may": ["everything"]}], "contacts.authorised[0].may[0]"),
    ("contacts.authorised", [PERSON | {"may": []}], "contacts.authorised[0].may"),
    ("approval", {"within": "P1D"}, "contacts.authorised"),
    ("approval", {"within": "PT0S"}, "approval.within"),
    ("supervision", SUPERVISION | {"escalation": []}, "supervision.escalation"),
    (
        "supervision",
        SUPERVISION | {"escalation": [OTHER | {"after": "PT1H"}]},
        "supervision.escalation",
    ),
    (
        "supervision",
        SUPERVISION | {"escalation": [OTHER | {"after": "PT2H"}, CONTACT | {"after": "PT2H"}]},
        "supervision.escalation[1].after",
    ),
    (
        "supervision",
        SUPERVISION | {"escalation": [PERSON | {"after": "PT1H"}, CONTACT | {"after": "PT2H"}]},
        "supervision.escalation[1].email",
    ),
    ("supervision", SUPERVISION | {"unusual_times": 1}, "supervision.unusual_times"),
    ("supervision", SUPERVISION | {"addresses": ["10.0.0.1/8"]}, "supervision.addresses[0]"),
    ("supervision", SUPERVISION | {"addresses": ["anywhere"]}, "supervision.addresses[0]"),
]


@pytest.mark.parametrize(
    ("path", "value", "where"), REFUSED, ids=[f"{r[0]}={r[1]!r}"[:60] for r in REFUSED]
)
def test_refused(path, value, where) -> None:
    found = problems(changed(path, value))

    assert all(problem.message.endswith(".") for problem in found)
    assert where in [problem.where for problem in found]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("retention.without_confirmation", "P99999999999D"),
        ("retention.without_confirmation", "P" + "9" * 5000 + "D"),
        ("contacts.breach_within", "PT99999999999999999H"),
    ],
)
def test_duration_beyond_all_time_is_refused(path, value) -> None:
    assert isinstance(problems_of(changed(path, value)), list)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_validity_to_the_ends_of_time_can_be_asked_for(moment) -> None:
    text = fields()
    text["valid"] = {"from": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59-14:00"}

    assert read(yaml.safe_dump(text).encode()).valid.until.year == 9999


@pytest.mark.parametrize("version", [1.0, True])
def test_form_of_the_document_is_a_whole_number(version) -> None:
    assert isinstance(problems_of(changed("remit", version)), list)


def test_two_targets() -> None:
    text = fields()
    text["recipients"] += copy.deepcopy(text["recipients"])
    text["recipients"][1]["name"] = "other"

    [problem] = problems(written(text))

    assert problem.where == "recipients"
    assert problem.message == (
        "exactly one recipient, the target, has a receipt_key (Art. 28(3)(a) GDPR)."
    )


def test_values_of_what_is_wrong_are_not_repeated() -> None:
    secret = "Jean Dupont, born 1961-04-02"
    for path in (
        "id", "tables.0.columns.0.type", "recipients.0.key", "valid.from", "retention.at_end",
        "tables.0.columns.0.transform", "tables.0.rows.window.from", "security.transport",
    ):  # fmt: skip
        for value in (secret, [secret], {"kind": secret}):
            found = [asdict(problem) for problem in problems(changed(path, value))]
            assert "Dupont" not in json.dumps(found)


def test_every_problem_is_told_at_once() -> None:
    text = fields()
    del text["purpose"], text["contacts"]["audit"]
    text["extra"] = 1

    found = problems(written(text))

    assert [problem.where for problem in found] == ["purpose", "contacts.audit", "extra"]


def test_query_asks_for_nothing_beyond_the_instruction() -> None:
    query = parse(yaml.safe_dump(fields()).encode()).table("observation_history").query()

    assert query.table == "observation_history"
    assert [name for name, _ in query.columns] == [
        "observation_id", "patient_id", "observed_at", "code", "value",
    ]  # fmt: skip
    assert query.window.start == "2024-01-01T00:00:00+01:00"
    assert [(m.column, m.values) for m in query.memberships] == [
        ("site_code", ("LYO1", "LYO2")),
        ("code", ("bloodGroup", "smoker", "weightKg")),
    ]


def test_who_is_told_without_a_word_about_supervision() -> None:
    terms = read(yaml.safe_dump(fields()).encode())

    told = [(tier.person.email, tier.after) for tier in terms.escalation()]
    assert told == [
        ("dpo@migrations.example", timedelta(0)),
        ("helene.durand@durand.example", timedelta(hours=6)),
    ]


def test_who_is_told_as_instructed() -> None:
    terms = read(changed("supervision", SUPERVISION))

    told = [(tier.person.name, tier.after) for tier in terms.escalation()]
    assert told == [
        ("Camille Moreau", timedelta(0)),
        ("Ines Blanc", timedelta(hours=1)),
        ("Hélène Durand", timedelta(hours=2)),
    ]


def test_addresses_that_are_expected() -> None:
    rule = read(changed("supervision", SUPERVISION | {"addresses": ["10.0.0.0/8"]})).supervision
    assert rule is not None
    assert rule.expects("10.1.2.3")
    assert not rule.expects("192.0.2.1")
    assert not rule.expects("2001:db8::1")
    anywhere = read(changed("supervision", SUPERVISION)).supervision
    assert anywhere is not None
    assert anywhere.expects("192.0.2.1")


def test_durations_are_read() -> None:
    retention = read(changed("retention.without_confirmation", "P2W")).retention

    assert retention.without_confirmation == timedelta(days=14)
    assert retention.after_confirmation == timedelta(0)
