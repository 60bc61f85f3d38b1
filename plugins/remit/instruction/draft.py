"""A skeleton of an instruction from a live schema, with every column withheld.

What is in the skeleton comes from the schema: names and types, no value of any row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from remit.column_names import looks_like_credential, looks_like_free_text
from remit.ports import SourceColumn

_HEAD = """\
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
subject: ...              # what is processed
nature: ...               # what is done with it
purpose: ...              # what for: one purpose, concrete
data_subjects: [...]      # whose data
valid: {from: ..., until: ...}  # 2026-01-01T00:00:00+01:00
recipients:
  - name: ...
    legal_name: ...
    country: ...          # FR
    key: ...              # x25519:..., the recipient's .pub file
    receipt_key: ...      # ed25519:..., for the one that confirms ingest
    categories: [...]     # technical, administrative, contact, identity, health, ...
tables:
"""
_TAIL = """\
expectations: []          # - {table: ..., file: ..., sha256: ...} in include/expectations
confirmation: {level: L3}
retention: {after_confirmation: PT0S, without_confirmation: P30D}
contacts:
  breach: {name: ..., email: ...}
  breach_within: PT24H
  audit: {name: ..., email: ...}
  authorised:
    - {name: ..., email: ...}
"""


def draft(schema: Mapping[str, Sequence[SourceColumn]]) -> str:
    """The YAML text; a table's columns are all comments until somebody takes them out."""
    return _HEAD + "".join(_table(name, columns) for name, columns in schema.items()) + _TAIL


def _table(name: str, columns: Sequence[SourceColumn]) -> str:
    dated = [c for c in columns if c.type and c.type.name in ("date", "timestamp", "timestamptz")]
    lines = [f"  - name: {_scalar(name)}", "    rows:"]
    if dated:
        kind = dated[0].type
        lines.append(
            f"      window: {{column: {_scalar(dated[0].name)}, type: {kind}, from: ..., to: ...}}"
        )
    else:
        lines.append(
            "      all: ...            # no date column: the reason why every row may leave"
        )
    lines += [
        "      # sites: {column: ..., in: [...]}",
        "      # codes: {column: ..., in: [...]}   # for one row per attribute",
        "      maximum: ...",
        "    columns:",
    ]
    return "\n".join(lines + [_column(column) for column in columns]) + "\n"


def _column(column: SourceColumn) -> str:
    name = _scalar(column.name)
    if looks_like_credential(column.name):
        return f"      # {name}: looks like a credential, and so can never leave"
    if column.type is None:
        return (
            f"      # {name}: {_scalar(column.native_type)} has no type here, and so cannot leave"
        )
    text = ", free_text: ..." if looks_like_free_text(column.name) else ""
    nullable = "" if column.nullable else ", nullable: false"
    # A decimal without precision fits any; how many places matter is for somebody to say.
    known = column.type.precision or column.type.name != "decimal"
    kind = _scalar(str(column.type)) if known else "..."
    return f"      # - {{name: {name}, type: {kind}, category: ..., purpose: ...{nullable}{text}}}"


def _scalar(text: str) -> str:
    """The text as one YAML scalar on one line, whatever it holds."""
    dumped = yaml.safe_dump([text], default_flow_style=True, width=100_000, allow_unicode=True)
    return dumped.strip()[1:-1]
