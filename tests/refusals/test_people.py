"""Who may act: the person whom the instruction names, by an account of this person's own."""

from __future__ import annotations

from typing import Any

import pytest

from remit.errors import one_line
from remit.instruction import Instruction, parse
from remit.people import Identity, as_record, require_person
from remit.testing.world import World

PERSONS = [
    {
        "name": "Camille Moreau",
        "email": "camille.moreau@migrations.example",
        "account": "camille",
        "may": ["approve", "hold"],
    },
    {"name": "Ines Blanc", "email": "ines.blanc@migrations.example"},
]


def by(account: str) -> Identity:
    return Identity(account, "airflow", "192.0.2.7")


@pytest.fixture
def terms(world: World) -> Instruction:
    def edit(fields: dict[str, Any]) -> None:
        fields["contacts"] |= {"authorised": PERSONS, "shared_accounts": ["Night-Shift"]}

    return parse(world.instruct(edit=edit).read_bytes())


def test_named_person_acts_by_her_own_account(terms) -> None:
    person = require_person(terms, by("camille"), "approve")

    assert as_record(by("camille"), person) == {
        "name": "Camille Moreau",
        "email": "camille.moreau@migrations.example",
        "account": "camille",
        "via": "airflow",
        "address": "192.0.2.7",
    }


@pytest.mark.vector("person-account-shared")
@pytest.mark.parametrize(
    "account",
    [
        *("admin", "airflow", "svc-remit", "night-shift", "uid-1000"),
        *(
            "ADMIN",
            "adm\u0130n",
            "\uff41dmin",
            "adm\u200bin",
            "\uff33vc\uff0dremit",
            "Nigh\u0165-\u017fhift",
        ),
    ],
)
def test_account_that_is_not_one_persons(terms, refuses, account) -> None:
    with refuses(at=one_line(f"account {account}"), saying="nobody answers for what it does"):
        require_person(terms, by(account), "hold")


@pytest.mark.vector("person-not-authorised")
@pytest.mark.parametrize(
    "account",
    [
        *("ines", "mallory", "", "camille.moreau@migrations.example"),
        # Other users to Airflow, however alike.
        *("Camille", "cam\u0130lle", "camil\u200ble", "\uff43amille", "camille ", "cami\u0301lle"),
    ],
)
def test_account_of_nobody_whom_the_instruction_names(terms, refuses, account) -> None:
    with refuses(at=one_line(f"account {account}"), saying="names nobody who acts by it"):
        require_person(terms, by(account), "hold")


@pytest.mark.vector("act-not-allowed")
def test_person_who_may_do_other_things(terms, refuses) -> None:
    with refuses(at="Camille Moreau", saying="does not let this person acknowledge"):
        require_person(terms, by("camille"), "acknowledge")


@pytest.mark.vector("person-not-proven")
@pytest.mark.parametrize("said", ["Camille Moreau", "camille.moreau@migrations.example"])
def test_person_with_an_account_is_not_believed_by_name(terms, refuses, said) -> None:
    with refuses(at="Camille Moreau", saying="no login by it is shown"):
        require_person(terms, Identity("root", "command-line", person=said), "hold")
    own = Identity("camille", "airflow", person=said)
    assert require_person(terms, own, "hold").name == "Camille Moreau"


@pytest.mark.vector("person-not-proven")
def test_login_in_the_name_of_another(terms, refuses) -> None:
    with refuses(at="account camille", saying="of another person"):
        require_person(terms, Identity("camille", "airflow", person="Ines Blanc"), "hold")


def test_person_without_an_account_is_taken_by_name_and_recorded_so(terms) -> None:
    identity = Identity("root", "command-line", person="Ines Blanc")
    person = require_person(terms, identity, "hold")
    assert as_record(identity, person)["via"] == "command-line"
    assert as_record(identity, person)["account"] == "root"


@pytest.mark.vector("act-not-allowed")
def test_person_by_name_who_may_not_do_it(terms, refuses) -> None:
    with refuses(at="Ines Blanc", saying="does not let this person approve"):
        require_person(terms, Identity("root", "command-line", person="Ines Blanc"), "approve")
