"""A skeleton of an instruction from a live schema, with every column withheld.

What is in the skeleton comes from the schema: names, types and keys, no value of any row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from remit.errors import one_line
from remit.instruction.draft_hints import (
    Columns,
    Schema,
    Step,
    attributes,
    column_hints,
    event_dates,
    is_credential,
    is_free_text,
    is_technical,
    key_of,
    site_column,
    table_hints,
    untyped,
    way_to_a_date,
)
from remit.ports import SourceColumn

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
  authorised:
    - {name: ..., email: ...}
  confidentiality: ...    # what binds these persons
"""
_MANY = 60


def draft(chosen: Schema, schema: Schema | None = None) -> str:
    """The YAML text; a table's columns are all comments until somebody takes them out.

    Args:
        chosen: the tables to draft.
        schema: every table of the source, through which dates and sites may be reached.
    """
    whole = schema or chosen
    tables = "".join(_table(name, columns, whole) for name, columns in chosen.items())
    return _HEAD + _overview(chosen) + "tables:\n" + tables + _TAIL


def _overview(chosen: Schema) -> str:
    """For who drafts a whole system: which tables deserve a look, before thousands of lines."""
    if len(chosen) <= _MANY:
        return ""
    lines = [f"# {len(chosen)} tables; draft the few that you need with --table. Worth a look:"]
    for name, columns in chosen.items():
        hints = sum(1 for column in columns for _ in column_hints(column, columns))
        about = "; ".join(table_hints(name, columns))
        if hints or about:
            counted = f"{len(columns)} columns, {hints} hints" + (f"; {about}" if about else "")
            lines.append(one_line(f"#   {_scalar(name)}: {counted}"))
    return "\n".join(lines) + "\n"


def _table(name: str, columns: Columns, schema: Schema) -> str:
    lines = [f"  - name: {_scalar(name)}"]
    lines += [f"    # {one_line(hint)}" for hint in table_hints(name, columns)]
    lines += [
        "    rows:",
        *_window(name, columns, schema),
        *_sites(columns),
        *_codes(name, columns),
    ]
    lines += ["      maximum: ...", "    columns:"]
    return "\n".join([*lines, *(_column(column, columns) for column in columns)]) + "\n"


def _window(name: str, columns: Columns, schema: Schema) -> Iterator[str]:
    dates = event_dates(columns)
    way = [] if dates and not is_technical(dates[0].name) else way_to_a_date(name, schema)
    if dates:
        kind = dates[0].type
        remark = "  # says when the row was written" if is_technical(dates[0].name) else ""
        column = _scalar(dates[0].name)
        yield f"      window: {{column: {column}, type: {kind}, from: ..., to: ...}}{remark}"
    else:
        yield "      all: ...            # no date column: the reason why every row may leave"
    if way:
        instead = "instead of the window" if dates else "instead of `all`"
        yield f"      # {instead}, membership in a table with the date of an event:"
        yield from _through(way, schema)


def _through(way: Sequence[Step], schema: Schema) -> Iterator[str]:
    indent = ""
    for column, table in way:
        key = key_of(table, schema)
        to = _scalar(key.name) if key else "..."
        yield f"      # {indent}through:"
        yield f"      # {indent}  - table: {_scalar(table)}"
        join = f"column: {_scalar(column.name)}, to: {to}, type: {_scalar(_type_of(column))}"
        yield f"      # {indent}    join: [{{{join}}}]"
        indent += "    "
    date = event_dates(schema[way[-1][1]])[0]
    window = f"{{column: {_scalar(date.name)}, type: {date.type}, from: ..., to: ...}}"
    yield f"      # {indent}window: {window}"


def _sites(columns: Columns) -> Iterator[str]:
    site = site_column(columns)
    yield f"      # sites: {_list(site)}"


def _codes(name: str, columns: Columns) -> Iterator[str]:
    found = attributes(name, columns)
    if found is None:
        return
    code = next((column for column in columns if column.name == found.codes[0]), None)
    yield f"      codes: {_list(code)}"
    if code is not None and code.references:
        yield (
            f"      # or by name, through {_scalar(code.references)}: "
            f"{{join: [{{column: {_scalar(code.name)}, ...}}], codes: {{column: ..., in: [...]}}}}"
        )


def _list(column: SourceColumn | None) -> str:
    if column is None:
        return "{column: ..., in: [...]}"
    kind = _type_of(column)
    said = "" if kind == "string" else f"type: {_scalar(kind)}, "
    return f"{{column: {_scalar(column.name)}, {said}in: [...]}}"


def _type_of(column: SourceColumn) -> str:
    """The declared type; a decimal without precision fits any, and a key is a whole number."""
    if column.type is None:
        return "..."
    if column.type.name == "decimal" and not column.type.precision:
        key = column.primary or column.references or column.name.lower().endswith("id")
        return "decimal(10,0)" if key else "..."
    return str(column.type)


def _column(column: SourceColumn, columns: Columns) -> str:
    name = _scalar(column.name)
    if is_credential(column):
        return f"      # {name}: looks like a credential, and so can never leave"
    if column.type is None:
        return f"      # {name}: {_scalar(untyped(column.native_type))}, and so cannot leave"
    text = ", free_text: ..." if is_free_text(column) else ""
    nullable = "" if column.nullable else ", nullable: false"
    kind = _type_of(column)
    kind = kind if kind == "..." else _scalar(kind)
    hints = "; ".join(column_hints(column, columns))
    remark = f"  # {hints}" if hints else ""
    fields = f"name: {name}, type: {kind}, category: ..., purpose: ...{nullable}{text}"
    return f"      # - {{{fields}}}{remark}"


def _scalar(text: str) -> str:
    """The text as one YAML scalar on one line, whatever it holds."""
    dumped = yaml.safe_dump([text], default_flow_style=True, width=100_000, allow_unicode=True)
    return dumped.strip()[1:-1]
