"""Who acts: the account that somebody logged in by, and the person whom the instruction names for it.

Guarantee: an act is a named person's, by an account that the instruction gives to this person alone;
a shared or a service's account acts for nobody, nor does a person to whom the instruction does not
give the act.
Not guaranteed: who sat at the keyboard. An account is as much a person's as the deployment's
auth manager, and the person, see to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from remit.accounts import is_nobodys
from remit.errors import Refused
from remit.instruction import Instruction
from remit.instruction.parties import Act, Authorised

NOT_THEIRS = frozenset(
    {"person-account-shared", "person-not-authorised", "person-not-proven", "act-not-allowed"}
)
"""The refusals that are about who asks, and not about what is asked."""

Via = Literal["airflow", "command-line"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks for an act, as the login told it.

    Attributes:
        account: the user's id as Airflow's auth manager gives it (`get_id`), which is a user name with
            some and a number with others; or the name of the operating system's account.
        via: where the login was made.
        address: where the request came from, if it came over a network.
        person: who acts, by name or e-mail, as a command line says it without a login.
    """

    account: str
    via: Via
    address: str | None = None
    person: str | None = None


def require_person(terms: Instruction, identity: Identity, act: Act) -> Authorised:
    """The person whom the instruction names for this account, and who may do this.

    Raises:
        Refused: person-account-shared, person-not-authorised, person-not-proven, act-not-allowed.
    """
    if identity.via == "command-line":
        return require_may(terms, _by_name(terms, identity, act), act)
    account = identity.account
    where = f"account {account}"
    if is_nobodys(account, terms.contacts.shared_accounts):
        raise Refused(
            "person-account-shared",
            where,
            "several people or a service use it, so that nobody answers for what it does.",
            f"log in by a person's own account to {act}.",
        )
    # Exactly, for an auth manager may have `camille` and `Camille` as two users.
    named = [p for p in terms.contacts.authorised if p.account == account]
    if not named:
        raise Refused(
            "person-not-authorised",
            where,
            f"instruction {terms.id} names nobody who acts by it.",
            _ask(terms, act),
        )
    if identity.person not in (None, named[0].name, named[0].email):
        raise Refused(
            "person-not-proven",
            where,
            "the login is of another person than the one who is named.",
            "act by your own login, and in your own name.",
        )
    return require_may(terms, named[0], act)


def _by_name(terms: Instruction, identity: Identity, act: Act) -> Authorised:
    """The person whom the command line names, where no account could prove it."""
    said = identity.person
    named = [p for p in terms.contacts.authorised if said in (p.name, p.email)]
    if not named:
        raise Refused(
            "person-not-authorised",
            f"instruction {terms.id}",
            "it does not name this person as authorised.",
            _ask(terms, act),
        )
    for person in named:
        if person.account is not None:
            raise Refused(
                "person-not-proven",
                person.name,
                f"this person acts by the account {person.account}, and no login by it is shown.",
                "act in Airflow, or give its access token: airflow remit ... --login FILE.",
            )
    return named[0]


def require_may(terms: Instruction, person: Authorised, act: Act) -> Authorised:
    """The person, if the instruction lets this one do it.

    Raises:
        Refused: act-not-allowed.
    """
    if act not in person.may:
        raise Refused(
            "act-not-allowed",
            person.name,
            f"instruction {terms.id} does not let this person {act}.",
            _ask(terms, act),
        )
    return person


def as_record(identity: Identity, person: Authorised) -> dict[str, Any]:
    """Who acted, as evidence has it."""
    return {
        "name": person.name,
        "email": person.email,
        "account": identity.account,
        "via": identity.via,
        "address": identity.address,
    }


def _ask(terms: Instruction, act: Act) -> str:
    able = ", ".join(person.email for person in terms.contacts.may(act)) or "nobody yet"
    return f"who may {act}: {able}; the controller names others in a new version."
