"""The command line: `remit`, and the same under `airflow remit`.

Exit codes: 0 done, 2 usage, 3 refused by a rule, 4 unavailable (worth a retry), 5 evidence broken;
1 for a defect of remit itself.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from remit.cli.output import Output
from remit.cli.parser import build_parser
from remit.cli.person import Prove, no_logins
from remit.errors import RemitError, UsageError
from remit.wiring import Resolve, no_connections


def main(
    arguments: Sequence[str] | None = None,
    resolve: Resolve = no_connections,
    prove: Prove = no_logins,
) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; by default the process's own.
        resolve: looks up Airflow connections, where there is an Airflow.
        prove: tells whose a login is, where there is an Airflow.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without UTF-8 still gets its answer
            stream.reconfigure(errors="backslashreplace")
    options = build_parser().parse_args(arguments)
    options.prove = prove
    output = Output(json=options.json, stream=sys.stdout, errors=sys.stderr)
    try:
        return int(options.command(options, output, resolve) or 0)
    except RemitError as error:
        output.error(error)
        return error.exit_code
    except ModuleNotFoundError as error:  # the target's kit has every command, not what it needs
        output.error(_not_installed(error))
        return UsageError.exit_code
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        output.note("Interrupted. What was begun stays recorded; run it again to go on.")
        return 130
    except Exception as error:  # noqa: BLE001  (a traceback would print the texts of dependencies)
        output.unexpected(error)
        return 1


def _not_installed(error: ModuleNotFoundError) -> UsageError:
    return UsageError(
        f"this command needs {error.name}, which is not installed here; "
        "the processor's installation has it: pip install 'remit[processor]'."
    )
