"""`remit keys new pseudonym` and `remit pseudonym`, at the controller."""

from __future__ import annotations

import argparse
import sys

from remit.adapters.pseudonym_folder import load_mac, new_secret
from remit.cli.output import Output
from remit.errors import UsageError
from remit.pseudonyms import text_of_id
from remit.wiring import Resolve


def new_pseudonym_key(options: argparse.Namespace, output: Output) -> None:
    """Make a secret and print its check value."""
    check = new_secret(options.out)
    output.result(
        {"secret": str(options.out), "check": check},
        f"{check}\nThe secret is {options.out}: hand it to the processor in private.",
    )


def pseudonym(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print the HMAC of each id on standard input, in the order of the lines."""
    mac = load_mac(options.key)
    hashed = [mac(text).hex() for text in _ids(sys.stdin.buffer.read(), options.type)]
    output.result(hashed, "\n".join(hashed))


def _ids(data: bytes, kind: str) -> list[bytes]:
    lines = data.removesuffix(b"\n").split(b"\n")
    if lines == [b""]:
        raise UsageError("there is no id on standard input; give one a line.")
    texts = []
    for number, line in enumerate(lines, 1):
        try:
            written = line.removesuffix(b"\r").decode("utf-8")
            texts.append(text_of_id(written, kind).encode())
        except UnicodeDecodeError:
            raise UsageError(f"line {number} of standard input is not UTF-8.") from None
        except ValueError as error:
            raise UsageError(f"line {number} of standard input is no id: {error}.") from None
    return texts
