"""The public keys in a bundle, each as remit writes it and, where openssl reads it, as PEM."""

from __future__ import annotations

import json
from collections.abc import Iterator

from remit.instruction import Instruction
from remit.instruction.trust import signers
from remit.signing import PublicKey
from remit.succession import Succession


def key_files(terms: Instruction, envelope: bytes, chain: Succession) -> dict[str, bytes]:
    """The processor's keys in their order, the recipients' and the target's; the controllers' ids.

    A controller's own key is not in it: a reader has that from the controller, or has nothing.

    Raises:
        Refused: envelope-malformed.
    """
    said = {
        "controllers": [controller.name for controller in terms.controllers],
        "signed_by": sorted(signers(envelope)),
    }
    found = {"keys/controllers.json": (json.dumps(said, indent=2) + "\n").encode()}
    for name, key in _named(terms, chain):
        found[f"keys/{name}.pub"] = f"{key}\n".encode()
        if (pem := key.pem()) is not None:
            found[f"keys/{name}.pem"] = pem
    return found


def _named(terms: Instruction, chain: Succession) -> Iterator[tuple[str, PublicKey]]:
    for number, key in enumerate(chain.keys, 1):
        yield f"processor-{number}", key
    for recipient in terms.recipients:
        for number, key in enumerate(recipient.keys, 1):
            yield f"recipient-{recipient.name}-{number}", key
        for number, key in enumerate(recipient.receipt_keys, 1):
            yield f"receipt-{recipient.name}-{number}", key
