"""Runs the whole story of a run in forked children, each killed or halted at one moment.

A process of its own, started once: what is imported here is imported for every child. It reads one
JSON command a line and answers each with one line:

    {"do": "go", "root": ..., "moment": "module:Class.method:N:before|after", "signal": "KILL"}
    {"do": "continue", "pid": ...}

A child that is halted (STOP) stays so until it is continued. The answer says how the child fared:
``killed``, ``halted``, or its exit code: 0, or that of the error it ended with.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 (so that children need not import it)

from remit import cli
from remit.adapters import folder, keyring, ledger, sql_source  # noqa: F401 (likewise)
from remit.cli import runs
from remit.custody import Run
from remit.errors import RemitError
from remit.instruction import read_signed
from remit.ports import Rule, Verdict
from remit.testing.target import Target
from remit.wiring import Settings, open_deployment, open_landing, open_source

RUN = "durand-killed"


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


def story(root: Path) -> None:
    """Every step from the instruction to the deletion, by four parties who do what is left to do."""
    settings = Settings.from_environment()
    source, judge = open_source(f"sqlite:///{root / 'lis.sqlite'}"), RowCounter()
    landing, place = open_landing(str(root / "landing")), str(root / "landing")
    run = Run(RUN, open_deployment(settings), "test")
    run.open(read_signed(settings.include / "instructions" / "durand.yaml"), source.label, place)
    run.plan(source, landing, judge)
    run.extract(source, lambda *_: None)
    run.validate(judge)
    run.seal()
    run.deliver(landing)
    delivery = root / "landing" / RUN
    if not (delivery / "receipt.dsse.json").exists():
        Target(root / "target").ingest(delivery, settings.trust())
    run.confirm(landing)
    run.delete(open_landing)


def run_command(root: Path) -> int:
    """`remit run`, as somebody would type it."""
    file = root / "include" / "instructions" / "durand.yaml"
    runs.open_judge = RowCounter
    source, landing = f"sqlite:///{root / 'lis.sqlite'}", str(root / "landing")
    return cli.main(["run", str(file), "--source", source, "--landing", landing, "--json"])


def arm(moment: str, name: str) -> None:
    """Have the process send itself the signal at the Nth call of a function."""
    module, path, number, when = moment.split(":")
    *parents, attribute = path.split(".")
    place = functools.reduce(getattr, parents, importlib.import_module(module))
    function, calls = getattr(place, attribute), 0

    def armed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        hit = calls == int(number)
        if hit and when == "before":
            os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
        result = function(*arguments, **named)
        if hit and when == "after":
            os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
        return result

    setattr(place, attribute, armed)


def child(command: dict[str, Any]) -> int:
    root = Path(command["root"])
    os.environ.update(REMIT_HOME=str(root / "processor"), REMIT_INCLUDE=str(root / "include"))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # the answers' channel is not the child's
    if command.get("moment"):
        arm(command["moment"], command["signal"])
    try:
        return run_command(root) if command.get("cli") else story(root) or 0
    except RemitError as error:
        return error.exit_code


def fork(act: Callable[[], int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = act()
    finally:
        os._exit(code)  # no clean-up: it is the parent's


def fate(pid: int) -> str | int:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return "halted"
    return "killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "continue":
            pid = command["pid"]
            os.kill(pid, signal.SIGCONT)
        else:
            pid = fork(lambda given=command: child(given))
        print(json.dumps({"pid": pid, "fate": fate(pid)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
