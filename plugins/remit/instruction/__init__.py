"""The controller's instruction: what it says (model), its text (reading), its signature (trust)."""

from remit.instruction.forms import Category
from remit.instruction.model import Instruction, Suite
from remit.instruction.parties import Recipient
from remit.instruction.reading import digest_of, parse, problems_of, read
from remit.instruction.tables import Column, Table, columns_digest
from remit.instruction.trust import (
    PAYLOAD_TYPE,
    TrustStore,
    VerifiedInstruction,
    envelope_path,
    read_signed,
    require_other_signatures,
    verify,
)

__all__ = [
    "PAYLOAD_TYPE",
    "Category",
    "Column",
    "Instruction",
    "Recipient",
    "Suite",
    "Table",
    "TrustStore",
    "VerifiedInstruction",
    "columns_digest",
    "digest_of",
    "envelope_path",
    "parse",
    "problems_of",
    "read",
    "read_signed",
    "require_other_signatures",
    "verify",
]
