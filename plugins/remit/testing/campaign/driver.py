"""Runs parties as forked processes, and strikes them: reads one JSON command a line, answers with one.

    {"do": "go", "children": [CHILD, ...]}      run them at once, until each has ended or is halted
    {"do": "continue", "child": NUMBER}         let one that was halted go on to its end

A process of its own, so that what is imported here is imported for every child, and nothing but the
main thread is forked.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 (so that children need not import it)

from remit.adapters import key_stores, ledger, s3, sftp, sql_source  # noqa: F401 (likewise)
from remit.errors import EvidenceBroken, Refused, RemitError, UsageError, describe_unexpected
from remit.testing.campaign.moments import Moments
from remit.testing.campaign.party import Party

BALLAST = "ballast"
SMALL = 64 << 20
"""Bytes that a disk has at most which may be filled."""

_BLOCK = bytes(1 << 16)


class _Child:
    """A forked process and what it said at its end."""

    def __init__(self, command: dict[str, Any]) -> None:
        reader, writer = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(reader)
            _be_child(command, writer)
        os.close(writer)
        self._reader = reader

    def fare(self) -> dict[str, Any]:
        """Wait until it has ended or is halted."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return {"fate": "halted"}
        with os.fdopen(self._reader) as said:
            text = said.read()
        if os.WIFSIGNALED(status):
            return {"fate": "killed", "signal": os.WTERMSIG(status)}
        return json.loads(text) if text else {"fate": "silent", "code": os.WEXITSTATUS(status)}


def _be_child(command: dict[str, Any], writer: int) -> None:
    """Never returns, and cleans up nothing that is the driver's."""
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)  # the answers' channel is not the child's
        os.dup2(silence, 2)
        os.environ.update(command["environment"])
        _hurry()
        strike = command.get("strike") or {}
        moments = Moments(strike.get("at"), _striking(strike, Path(command["root"])))
        party = Party(
            Path(command["root"]), os.environ, command["landing"], command.get("ahead", 0)
        )
        told = [[step, _outcome(partial(party.take, step))] for step in command["steps"]]
        answer = {"fate": "ended", "moments": moments.count, "told": told}
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)


def _hurry() -> None:
    """Nothing is waited for between a library's own tries, of which there are as many as ever."""
    from botocore.retries.standard import ExponentialBackoff

    ExponentialBackoff.delay_amount = lambda *_: 0


def _outcome(act: Callable[[], object]) -> str:
    """How a step went: ``done``, a refusal's code, or the kind of error."""
    try:
        act()
    except Refused as refusal:
        return refusal.code
    except EvidenceBroken as error:
        return f"EvidenceBroken {error.where}: {error.message}"
    except RemitError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  (it is the finding)
        return describe_unexpected(error)
    return "done"


def _striking(strike: dict[str, Any], root: Path) -> Callable[[], None]:
    what = strike.get("what")
    if what == "kill":
        return lambda: os.kill(os.getpid(), signal.SIGKILL)
    if what == "halt":
        return lambda: os.kill(os.getpid(), signal.SIGSTOP)
    if what == "limit":
        size = int(strike["bytes"])
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    return lambda: fill(root)


def fill(root: Path) -> None:
    """Take all the room that is left on the disk of `root`, if it is one made for that.

    Raises:
        UsageError: the disk is a large one, which others need.
    """
    disk = os.statvfs(root)
    if disk.f_blocks * disk.f_frsize > SMALL:
        raise UsageError("only a small disk of the campaign's own may be filled.")
    handle = os.open(root / BALLAST, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for block in (_BLOCK, _BLOCK[:4096], b"0"):
        try:
            while os.write(handle, block):
                pass
        except OSError:
            continue  # so much is not left
    os.close(handle)


def main() -> None:
    """Answer until the commands end."""
    halted: dict[int, _Child] = {}
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "continue":
            child = halted.pop(command["child"])
            os.kill(child.pid, signal.SIGCONT)
            answers = [child.fare()]
        else:
            children = [_Child(one) for one in command["children"]]
            answers = [child.fare() for child in children]
            for child, answer in zip(children, answers, strict=True):
                if answer["fate"] == "halted":
                    answer["child"] = child.pid
                    halted[child.pid] = child
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
