"""What an instruction says. Every field is documented in docs/instruction.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, WithJsonSchema, model_validator

from remit.instruction.conditions import (
    PseudonymKey,
    Reporting,
    Retention,
    Security,
    Suite,
    Supersedes,
    Suppress,
    Validity,
)
from remit.instruction.confirmation import Confirmation
from remit.instruction.dump import Dump
from remit.instruction.forms import (
    Category,
    Group,
    Lacking,
    Misfit,
    Purpose,
    Slug,
    Statement,
    Strict,
    format_1,
    once,
    said,
)
from remit.instruction.parties import (
    Contacts,
    Controller,
    Objections,
    Processor,
    Recipient,
    Subprocessor,
)
from remit.instruction.supervision import Approval, Supervision, Tier, default_tiers, tiers
from remit.instruction.tables import Table
from remit.instruction.transformations import Pseudonym
from remit.instruction.vague import same_words

__all__ = ["Instruction", "Security", "Suite"]


class Instruction(Strict):
    """The controller's instruction to the processor."""

    remit: Annotated[
        int,
        AfterValidator(format_1),
        WithJsonSchema({"const": 1}),
        said("The form of the document: 1"),
    ]
    id: Annotated[Slug, said("The instruction's name, the same in every version", "28(3)(a)")]
    version: Annotated[int, said("Higher in each version of the same id", "28(3)(a)", ge=1)]
    supersedes: Annotated[
        Supersedes | None, said("From version 2 on: what this one replaces", "28(3)(a)")
    ] = None
    controller: Annotated[Controller, said("Who decides", "28(3)")]
    joint_controllers: Annotated[
        list[Controller],
        said(
            "Others who decide together with it, each signing as well",
            "26(1)",
            default_factory=list,
        ),
    ]
    processor: Annotated[Processor, said("Who carries it out", "28(3)")]
    subject: Annotated[
        Statement,
        said(
            "Subject matter of the processing",
            "28(3)",
            examples=["Results of two sites that move to a new laboratory system"],
        ),
    ]
    nature: Annotated[
        Statement,
        said(
            "What is done with the data",
            "28(3)",
            examples=["One extraction from the old system, transfer to the new one, deletion"],
        ),
    ]
    purpose: Annotated[
        Purpose,
        said(
            "What for: exactly one purpose, concrete",
            "28(3), 5(1)(b)",
            examples=["Continuity of care after the change of laboratory system in Lyon"],
        ),
    ]
    data_subjects: Annotated[
        list[Group],
        said(
            "Whose data",
            "28(3)",
            min_length=1,
            examples=[["Patients of the sites LYO1 and LYO2 in 2024"]],
        ),
    ]
    valid: Annotated[Validity, said("Duration of the processing", "28(3)")]
    changes: Annotated[
        Statement,
        said(
            "How this instruction is changed or withdrawn",
            "28(3)(a)",
            examples=["A new version signed by both managers replaces it; a revocation ends it"],
        ),
    ]
    objections: Annotated[Objections, said("How the processor objects", "28(3)")]
    recipients: Annotated[list[Recipient], said("Who may read it", "28(3)(a)", min_length=1)]
    subprocessors: Annotated[list[Subprocessor], said("Nobody else; may be empty", "28(3)(d)")]
    security: Annotated[Security, said("The measures instructed", "28(3)(c)")]
    pseudonym_keys: Annotated[
        list[PseudonymKey],
        said("The secrets of pseudonyms and suppress list", "25(1)", default_factory=list),
    ]
    suppress: Annotated[
        Suppress | None, said("Data subjects whose rows never leave", "28(3)(e)")
    ] = None
    dump: Annotated[
        Dump | None,
        said("Where the source is a dump in files: the form that they have", "28(3)(a)"),
    ] = None
    tables: Annotated[list[Table], said("What may leave", "28(3)(a)", min_length=1)]
    expectations: Annotated[list[Suite], said("Rules that the extract must meet; may be empty")]
    reporting: Annotated[
        Reporting,
        said("What reports of the validation may tell", "25(2)", default_factory=Reporting),
    ]
    confirmation: Annotated[Confirmation, said("What counts as ingested")]
    retention: Annotated[Retention, said("How long copies live", "28(3)(g)")]
    contacts: Annotated[Contacts, said("Who is told what", "28(3)")]
    approval: Annotated[
        Approval | None, said("Four eyes: a named person agrees before delivery", "32(4)")
    ] = None
    supervision: Annotated[
        Supervision | None,
        said("Who is told when something goes wrong, and what is unusual", "32(1)(d)"),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        once([table.name for table in self.tables], "table", "tables")
        once([recipient.name for recipient in self.recipients], "recipient", "recipients")
        once([key.name for key in self.pseudonym_keys], "pseudonym key", "pseudonym_keys")
        once([s.table for s in self.expectations], "suite for table", "expectations", "table")
        self._require_distinct()
        self._require_known_tables()
        self._require_target()
        self._require_succession()
        self._require_keys()
        self._require_suppressible()
        self._require_approvers()
        self._require_last_told()
        self.confirmation.require_reachable({table.name for table in self.tables})
        return self

    def _require_distinct(self) -> None:
        names = [controller.name for controller in self.controllers]
        for index, name in enumerate(names[1:]):
            if name in names[: index + 1]:
                at = ("joint_controllers", index, "name")
                raise Misfit(f"controller {name} appears twice", *at)
        if same_words(self.nature, self.subject):
            raise Lacking("only repeats subject; say what is done with the data", "nature")
        for name, text in (("subject", self.subject), ("nature", self.nature)):
            if same_words(self.purpose, text):
                raise Lacking(f"only repeats {name}; say what it is done for", "purpose")

    def _require_known_tables(self) -> None:
        known = {table.name for table in self.tables}
        for index, suite in enumerate(self.expectations):
            if suite.table not in known:
                raise Misfit(
                    f"{suite.table} is not among the tables", "expectations", index, "table"
                )

    def _require_target(self) -> None:
        targets = [index for index, one in enumerate(self.recipients) if one.receipt_key]
        if len(targets) != 1:
            raise Misfit("exactly one recipient, the target, has a receipt_key", "recipients")
        if unread := self.categories() - set(self.target.categories):
            raise Misfit(
                "the target cannot confirm what it cannot open: "
                f"give it {', '.join(sorted(unread))}",
                "recipients", targets[0], "categories",
            )  # fmt: skip

    def _require_succession(self) -> None:
        if self.version > 1 and self.supersedes is None:
            raise Lacking(
                "from version 2 on, name the version that this one replaces", "supersedes"
            )
        if self.supersedes and self.supersedes.version >= self.version:
            raise Misfit("a version supersedes a lower one", "supersedes", "version")

    def _require_keys(self) -> None:
        known = [key.name for key in self.pseudonym_keys]
        used: set[str] = set()
        for place, key in self._keys_used():
            if key not in known:
                raise Misfit(f"pseudonym key {key} is not among pseudonym_keys", *place)
            used.add(key)
        columns = {key for place, key in self._keys_used() if place[0] == "tables"}
        if self.suppress and self.suppress.key in columns:
            raise Misfit(
                "the suppress list has a key of its own, or recipients could tell who is on it",
                "suppress", "key",
            )  # fmt: skip
        for index, key in enumerate(known):
            if key not in used:
                raise Misfit(
                    f"pseudonym key {key} is used nowhere", "pseudonym_keys", index, "name"
                )

    def _keys_used(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Where a pseudonym key is used, and which."""
        for t, table in enumerate(self.tables):
            for c, column in enumerate(table.columns):
                if isinstance(column.transformation, Pseudonym):
                    yield ("tables", t, "columns", c, "transform", "key"), column.transformation.key
        if self.suppress:
            yield ("suppress", "key"), self.suppress.key

    def _require_suppressible(self) -> None:
        for index, table in enumerate(self.tables if self.suppress else []):
            if not table.data_subject and not table.no_data_subject:
                raise Lacking(
                    f"table {table.name} has data_subject for the suppress list, or no_data_subject",
                    "tables", index,
                )  # fmt: skip

    def _require_approvers(self) -> None:
        able = [person for person in self.contacts.may("approve") if person.account]
        if self.approval and not able:
            raise Lacking(
                "no person with an account may approve: name one who may, and by which account",
                "contacts", "authorised",
            )  # fmt: skip

    def _require_last_told(self) -> None:
        told = self.supervision.escalation[-1].email if self.supervision else None
        if told is not None and told not in {one.contact.email for one in self.controllers}:
            raise Misfit(
                "the last who is told is the controller's contact", "supervision", "escalation"
            )

    def escalation(self) -> tuple[Tier, ...]:
        """Who is told of an alert and when, up to the controller; the first one owns it."""
        if self.supervision is None:
            contacts = self.contacts
            people = (self.processor.dpo, contacts.breach, self.controller.contact)
            return tiers(default_tiers(*people, contacts.breach_within))
        told = [Tier(self.supervision.owner, timedelta(0))]
        return tiers(told + [Tier(one, one.after) for one in self.supervision.escalation])

    @property
    def key(self) -> tuple[str, str]:
        """The controller and the id, which all versions share."""
        return self.controller.name, self.id

    @property
    def controllers(self) -> list[Controller]:
        """All who decide, the first named first."""
        return [self.controller, *self.joint_controllers]

    def categories(self) -> set[Category]:
        """The categories of all columns that leave."""
        return {column.category for table in self.tables for column in table.columns}

    @property
    def target(self) -> Recipient:
        """The recipient whose signed receipt confirms ingest."""
        return next(recipient for recipient in self.recipients if recipient.receipt_key)

    def recipients_of(self, category: Category) -> list[Recipient]:
        """Who may open the category."""
        return [recipient for recipient in self.recipients if category in recipient.categories]

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def pseudonym_check(self, name: str) -> str:
        """The check value of a pseudonym key; KeyError when there is none of that name."""
        return {key.name: key.check for key in self.pseudonym_keys}[name]
