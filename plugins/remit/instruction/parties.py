"""The parties of an instruction, and the people whom each names."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from remit.accounts import folded, is_nobodys
from remit.instruction.forms import (
    Account,
    Category,
    Country,
    Duration,
    Email,
    Lacking,
    Misfit,
    RecipientKey,
    SigningKey,
    Slug,
    Statement,
    Strict,
    Text,
    positive,
    said,
)
from remit.signing import PublicKey

# The European Economic Area: Art. 44 to 50 ask for nothing more within it.
EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()
)


def require_another(following: str | None, key: str | None, field: str) -> None:
    """Misfit when a key is said to be followed by itself."""
    if following is not None and following == key:
        raise Misfit("it is the same key as the one that it follows", field)


def _parsed(*keys: str | None) -> list[PublicKey]:
    return [PublicKey.parse(key) for key in keys if key]


class Person(Strict):
    """A named individual, never a shared account."""

    name: Annotated[Text, said("First and last name of a person")]
    email: Annotated[Email, said("Where this person is reached")]


class Controller(Strict):
    """The party that decides; its trusted keys live in `include/controllers/<name>/keys`."""

    name: Annotated[Slug, said("Its short name, which chooses the folder of trusted keys")]
    legal_name: Annotated[Text, said("Who decides", "30(2)(a)")]
    contact: Annotated[Person, said("Whom the processor asks", "30(2)(a)")]
    signatures: Annotated[
        int, said("How many of its keys must have signed", "28(3)(a)", ge=1, le=16)
    ] = 1


class Processor(Strict):
    """The party that runs remit; `signing_key` signs manifests, certificates and evidence."""

    legal_name: Annotated[Text, said("Who carries it out", "30(2)(a)")]
    dpo: Annotated[Person, said("The processor's data protection officer", "30(2)(a)")]
    contract: Annotated[
        Text, said("Reference of the contract under which this is instructed", "28(3)")
    ]
    signing_key: Annotated[SigningKey, said("Signs manifests, certificates and evidence")]
    next_signing_key: Annotated[
        SigningKey | None, said("May sign instead once the processor has rotated to it")
    ] = None

    @model_validator(mode="after")
    def _other_key(self) -> Self:
        require_another(self.next_signing_key, self.signing_key, "next_signing_key")
        return self

    @property
    def signing_keys(self) -> list[PublicKey]:
        """The key that signs, and the one that may follow it."""
        return _parsed(self.signing_key, self.next_signing_key)


class Abroad(Strict):
    """A party with a country, and outside the EEA with what protects the data there."""

    legal_name: Annotated[Text, said("Who it is", "28(3)(a)")]
    country: Annotated[Country, said("Where it is", "30(2)(c)")]
    safeguard: Annotated[
        Statement | None,
        said(
            "Outside the EEA: the adequacy decision or safeguards of the transfer",
            "44 to 49",
            examples=["Standard contractual clauses of 4 June 2021, module two, signed 2026-01-10"],
        ),
    ] = None

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.country not in EEA and self.safeguard is None:
            raise Lacking(
                "the country is outside the EEA: name what protects the data", "safeguard"
            )
        if self.country in EEA and self.safeguard is not None:
            raise Misfit("the country is in the EEA, where no safeguard is named", "safeguard")
        return self


class Recipient(Abroad):
    """Who can open the categories listed; the one with a `receipt_key` is the target."""

    name: Annotated[Slug, said("Its name in manifest and receipt")]
    key: Annotated[RecipientKey, said("File keys are sealed to it", "28(3)(c)")]
    next_key: Annotated[
        RecipientKey | None,
        said("While it changes its key: file keys are sealed to this one as well", "28(3)(c)"),
    ] = None
    receipt_key: Annotated[
        SigningKey | None, said("Makes it the target, whose signed receipt confirms ingest")
    ] = None
    next_receipt_key: Annotated[
        SigningKey | None,
        said("While the target changes its key: a receipt under this one counts too"),
    ] = None
    categories: Annotated[
        list[Category], said("Categories of columns that it can decrypt", "25(2)", min_length=1)
    ]

    @model_validator(mode="after")
    def _other_keys(self) -> Self:
        if self.next_receipt_key and not self.receipt_key:
            raise Lacking("a next_receipt_key follows a receipt_key", "receipt_key")
        require_another(self.next_key, self.key, "next_key")
        require_another(self.next_receipt_key, self.receipt_key, "next_receipt_key")
        return self

    @property
    def keys(self) -> list[PublicKey]:
        """What file keys are sealed to: its key, and the next one while it changes."""
        return _parsed(self.key, self.next_key)

    @property
    def receipt_keys(self) -> list[PublicKey]:
        """Whose signature on a receipt counts; none but for the target."""
        return _parsed(self.receipt_key, self.next_receipt_key)


class Subprocessor(Abroad):
    """Another processor that the controller has authorised."""

    legal_name: Annotated[Text, said("Who it is", "28(3)(d)")]
    task: Annotated[
        Statement,
        said(
            "What it does with the data",
            "28(3)(d)",
            examples=["Hosts the landing zone in its data centre in Strasbourg"],
        ),
    ]


class Objections(Strict):
    """How the processor objects to an instruction that it thinks infringes the law."""

    contact: Annotated[Person, said("Who is told", "28(3)")]
    how: Annotated[
        Statement,
        said(
            "How, and what happens to runs meanwhile",
            "28(3)",
            examples=["In writing before it acts; no run starts until the laboratory has answered"],
        ),
    ]


Act = Literal["approve", "hold", "acknowledge", "confirm", "revoke"]
"""What a person does by name; `hold` is to end a hold as well, `acknowledge` to close an alert."""

USUAL: tuple[Act, ...] = ("hold", "acknowledge", "confirm", "revoke")
"""What an authorised person may do where the instruction does not say; no delivery hangs on it."""


class Authorised(Person):
    """A person who may act on a run."""

    account: Annotated[
        Account | None,
        said("This person's own account in the processor's Airflow"),
    ] = None
    may: Annotated[
        list[Act],
        said("What this person may do", default_factory=lambda: [*USUAL], min_length=1),
    ]


class Contacts(Strict):
    """Who is told what, how soon; and who may act on a run by name."""

    breach: Annotated[Person, said("Who is told of a breach", "28(3)(f), 33(2)")]
    breach_within: Annotated[
        Duration, AfterValidator(positive), said("How soon a breach is told", "28(3)(f), 33(2)")
    ]
    rights: Annotated[Person, said("Who is told of a data subject's request", "28(3)(e)")]
    rights_within: Annotated[
        Duration, AfterValidator(positive), said("How soon a request is passed on", "28(3)(e)")
    ]
    audit: Annotated[Person, said("Who audits for the controller", "28(3)(h)")]
    authorised: Annotated[
        list[Authorised],
        said("Who may act on a run or a key by name", "28(3)(b)", min_length=1),
    ]
    shared_accounts: Annotated[
        list[Account],
        said(
            "Accounts of Airflow that several people or a service use: nobody acts by one",
            "32(4)",
            default_factory=list,
        ),
    ]
    confidentiality: Annotated[
        Statement,
        said(
            "What binds these persons to confidentiality",
            "28(3)(b)",
            examples=["Each has signed the undertaking annexed to contract DUR-2026-014"],
        ),
    ]

    @model_validator(mode="after")
    def _own_accounts(self) -> Self:
        taken: set[str] = set()
        for index, person in enumerate(self.authorised):
            if person.account is None:
                continue
            account = folded(person.account)
            if is_nobodys(account, self.shared_accounts):
                raise Misfit(
                    "several people or a service use this account; name the person's own",
                    "authorised", index, "account",
                )  # fmt: skip
            if account in taken:
                raise Misfit("two persons have the same account", "authorised", index, "account")
            taken.add(account)
        return self

    def may(self, act: Act) -> list[Authorised]:
        """The persons who may do it."""
        return [person for person in self.authorised if act in person.may]
