"""A skeleton of an instruction from a live schema, with every column withheld.

What is in the skeleton comes from the schema: names, types and keys, no value of any row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from remit.attribute_values import AttributeTable, attribute_table
from remit.errors import one_line
from remit.instruction.drafting.hints import (
    column_hints,
    is_credential,
    is_free_text,
    is_instructable,
    precision_hint,
    table_hints,
    untyped,
)
from remit.instruction.drafting.rows import Rows
from remit.instruction.drafting.scalars import quoted_type, scalar, type_of
from remit.instruction.drafting.ways import Columns, Keys, Step, names_of_persons, subject_column
from remit.ports import Relation, SourceColumn

_HEAD = """\
# yaml-language-server: $schema=../schemas/instruction.schema.json
# A draft: every column is withheld, and nothing here binds until the controller signs it.
# Fill in each ... (docs/instruction.md explains every field), uncomment the columns that may leave,
# and check with: remit instruction lint FILE
remit: 1
id: ...
version: 1
controller:
  name: ...               # its trusted keys are include/controllers/<name>/keys/*.pub
  legal_name: ...
  contact: {name: ..., email: ...}
processor:
  legal_name: ...
  dpo: {name: ..., email: ...}
  contract: ...           # the contract's reference
  signing_key: ...        # ed25519:..., the processor's .pub file
subject: ...              # what is processed, concretely
nature: ...               # what is done with it
purpose: ...              # what for: one purpose, concrete
data_subjects: [...]      # whose data
valid: {from: ..., until: ...}  # 2026-01-01T00:00:00+01:00
changes: ...              # how this instruction is changed or withdrawn
objections:
  contact: {name: ..., email: ...}
  how: ...                # what the processor does that thinks an instruction unlawful
recipients:
  - name: ...
    legal_name: ...
    country: ...          # FR; outside the EEA with `safeguard`
    key: ...              # x25519:..., the recipient's .pub file
    receipt_key: ...      # ed25519:..., for the one that confirms ingest
    categories: [...]     # technical, administrative, contact, identity, health, ...
subprocessors: []         # - {legal_name: ..., country: ..., task: ...}
security:
  encryption: AES-256-GCM
  decryption_keys: recipients
  transport: folder
  account: {overprivileged: refuse, shared: []}  # remit grants FILE writes the role
"""
_TAIL = """\
expectations: []          # - {table: ..., file: ..., sha256: ...} in include/expectations
confirmation: {level: L3}
retention:
  at_end: delete
  after_confirmation: PT0S
  without_confirmation: P30D
  backups: ...            # what keeps the copies out of backups
contacts:
  breach: {name: ..., email: ...}
  breach_within: PT24H
  rights: {name: ..., email: ...}   # who is told of a data subject's request
  rights_within: P3D
  audit: {name: ..., email: ...}
  authorised:             # approval and supervision (docs/instruction.md) name them as well
    - {name: ..., email: ..., account: ...}
  confidentiality: ...    # what binds these persons
"""
_MANY = 60


def draft(
    chosen: Mapping[str, Columns] | Mapping[Relation, Columns],
    schema: Mapping[Relation, Columns] | None = None,
) -> str:
    """The YAML text; a table's columns are all comments until somebody takes them out.

    Args:
        chosen: the tables to draft.
        schema: every table of the source, through which dates and sites may be reached.
    """
    tables = {
        name if isinstance(name, Relation) else Relation(None, name): columns
        for name, columns in chosen.items()
    }
    keys = Keys({**(schema or {}), **tables})
    names = Counter(relation.table for relation in tables)
    drafted = [_Table(relation, keys, names[relation.table] > 1) for relation in tables]
    written = "".join(f"{line}\n" for table in drafted for line in table.lines())
    overview = _overview(drafted) if len(drafted) > _MANY else ""
    return _HEAD + overview + "tables:\n" + written + _TAIL


class _Table:
    """One table of a draft.

    Args:
        twice: whether the draft has another one of that name, in another schema.
    """

    def __init__(self, relation: Relation, keys: Keys, twice: bool) -> None:
        self.relation, self._keys, self._twice = relation, keys, twice
        self.columns = keys.columns(relation)
        self.found: AttributeTable | None = attribute_table(relation.table, self.columns)

    def lines(self) -> Iterator[str]:
        """Its lines below `tables:`."""
        schema, table = self.relation
        yield f"  - name: {scalar(str(self.relation) if self._twice else table)}"
        yield from (f"    # {one_line(hint)}" for hint in self.hints())
        if schema is not None:
            yield f"    at: {{schema: {scalar(schema)}, table: {scalar(table)}}}"
        yield "    rows:"
        yield from (f"      {line}" for line in Rows(self.relation, self._keys, self.found).lines())
        yield from self._subject()
        yield from self._names()
        yield "    columns:"
        yield from (f"      # {self._column(column)}" for column in self.columns)

    def _subject(self) -> Iterator[str]:
        """Whose data a row is, for a suppress list; where another table knows it, the way there."""
        way: list[Step] = []
        whose = subject_column(self.relation, self.columns)
        if whose is None:
            # Only where every row has one: whoever is suppressed must be found from each row.
            way = self._keys.way(
                self.relation, lambda there: bool(self._subject_of(there)), always=True
            )
            whose = self._subject_of(way[-1].there) if way else None
        if whose is not None:
            kind = f"column: {scalar(whose.name)}, type: {quoted_type(type_of(whose))}"
            steps = ", ".join(step.written() for step in way)
            through = f", through: [{steps}]" if way else ""
            yield f"    # data_subject: {{{kind}{through}}}  # for a suppress list"

    def _names(self) -> Iterator[str]:
        """Where the names of a row's person are, if there is free text in which to look for them."""
        if not any(is_free_text(column, self.relation.table) for column in self.columns):
            return
        way: list[Step] = []
        named = names_of_persons(self.relation, self.columns)
        if not named:
            way = self._keys.way(
                self.relation,
                lambda there: bool(names_of_persons(there, self._keys.columns(there))),
            )
            last = way[-1].there if way else self.relation
            named = names_of_persons(last, self._keys.columns(last))
        columns = ", ".join(map(scalar, named)) or "..."
        steps = ", ".join(step.written() for step in way)
        through = f", through: [{steps}]" if way else ""
        yield f"    # subject_names: {{columns: [{columns}]{through}}}  # for name in free text"

    def _subject_of(self, there: Relation) -> SourceColumn | None:
        return subject_column(there, self._keys.columns(there))

    def hints(self) -> list[str]:
        """What is worth knowing of the whole table."""
        return list(table_hints(self.relation.table, self.found))

    def counted(self) -> str:
        """How many columns deserve a look, and why."""
        counts = Counter(
            re.split(r"[,:(]", hint)[0].strip()
            for column in self.columns
            for hint in (
                ["a credential"]
                if is_credential(column, self.relation.table)
                else column_hints(column, self.columns, self.relation.table)
            )
        )
        said = [hint if number == 1 else f"{hint} ({number})" for hint, number in counts.items()]
        return "; ".join([*(hint.partition(":")[0] for hint in self.hints()), *said])

    def _column(self, column: SourceColumn) -> str:
        table, name = self.relation.table, scalar(column.name)
        if not is_instructable(column.name):
            return f"{name}: cannot be named in an instruction, and so cannot leave"
        if is_credential(column, table):
            return f"{name}: looks like a credential, and so can never leave"
        if column.type is None:
            native = scalar(column.native_type)
            return f"{name}: {native}, {untyped(column.native_type)}, and so cannot leave"
        text = (
            ", free_text: ..., identifiers: {treatment: stop}"
            if is_free_text(column, table)
            else ""
        )
        nullable = "" if column.nullable else ", nullable: false"
        kind = quoted_type(type_of(column))
        hints = "; ".join([*column_hints(column, self.columns, table), *precision_hint(column)])
        remark = f"  # {hints}" if hints else ""
        fields = f"name: {name}, type: {kind}, category: ..., purpose: ...{nullable}{text}"
        return f"- {{{fields}}}{remark}"


def _overview(tables: list[_Table]) -> str:
    """For who drafts a whole system: which tables deserve a look, before thousands of lines."""
    total = sum(len(table.columns) for table in tables)
    said = [(scalar(str(table.relation)), len(table.columns), table.counted()) for table in tables]
    looks = [one for one in said if one[2]]
    widest = max((len(name) for name, _, _ in looks), default=0)
    lines = [
        f"# {len(tables)} tables, {total} columns; draft the few that you need with --table.",
        f"# Worth a look are {len(looks)} of them (table, columns, why):",
        *(one_line(f"#   {name:{widest}} {columns:4}  {why}") for name, columns, why in looks),
    ]
    return "\n".join(lines) + "\n"
