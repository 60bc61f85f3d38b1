"""What a schema suggests to who writes an instruction; `remit.instruction.draft` writes it down."""
