"""Sets a report in a process of its own, which is bound in memory and gives all of it back.

Run as a file, not as a module: it needs nothing of remit. The data of the template comes on standard
input, with the time of the document before it; the PDF goes to standard output.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

MEMORY = 3 * 2**30
"""Bytes of address space that it may take: about twice what the largest report needs."""


def main() -> None:
    """Set the report."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import typst  # eighty megabytes, which nobody needs who prints nothing

    moment, _, data = sys.stdin.buffer.read().partition(b"\n")
    template = Path(__file__).with_name("report.typ").read_bytes()
    pdf = typst.compile(
        template,
        ignore_system_fonts=True,
        sys_inputs={"data": data.decode()},
        pdf_standards=["ua-1"],
        timestamp=int(moment),
    )
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
