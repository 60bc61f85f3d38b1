"""What Airflow learns of remit when it is installed as a package: its name and `airflow remit`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from remit import __version__

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand


def get_provider_info() -> dict[str, Any]:
    """The provider's description; the entry point `apache_airflow_provider` names this."""
    return {
        "package-name": "remit",
        "name": "remit",
        "description": "Controlled transfers of health data, within a controller's instruction.",
        "versions": [__version__],
        "cli": ["remit.provider.get_cli_commands"],
    }


def get_cli_commands() -> list[CLICommand]:
    """`airflow remit ...`, which is `remit ...` that also knows Airflow's connections."""
    from airflow.cli.cli_config import ActionCommand, Arg

    about = "as `remit` takes them"
    version = Arg(("--version",), action="store_true", help="remit's version")  # type: ignore[no-untyped-call]
    everything = Arg(("arguments",), nargs=argparse.REMAINDER, help=about)  # type: ignore[no-untyped-call]
    return [
        ActionCommand(
            name="remit",
            help="Controlled transfers of health data (the same as the command remit)",
            description="Passes everything on to remit, where conn:ID is an Airflow connection.",
            func=run_cli,
            args=(version, everything),
            epilog="For remit's own help: airflow remit, or airflow remit COMMAND --help",
        )
    ]


def run_cli(options: argparse.Namespace) -> None:
    """Run remit's command line and end with its exit code."""
    from remit import metrics
    from remit.cli import main
    from remit.operators.connections import resolve_stored
    from remit.operators.login import prove

    arguments = ["--version"] if options.version else options.arguments or ["--help"]
    metrics.begin()
    raise SystemExit(main(arguments, resolve_stored, prove))
