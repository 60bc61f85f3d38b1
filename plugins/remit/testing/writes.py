"""What a process and its children write to files: which files, and every byte, told by strace.

Guarantee: a file that is made, opened for writing, changed by its name or mapped for writing is
named, though it has no name or is gone again; a file in memory alone counts as one. What was
written to files and pipes is kept, whatever became of them. What cannot be told fails.
Not looked at: sockets, which are no files, and what the process only reads.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from remit.errors import UsageError

_BY_NAME = (
    *("creat", "mkdir", "mkdirat", "mknod", "mknodat", "truncate", "symlink", "symlinkat"),
    *("rename", "renameat", "renameat2", "link", "linkat"),
)
_OPENED = ("open", "openat", "openat2")
_SHOWN = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
_NOT_SHOWN = ("sendfile", "copy_file_range", "splice", "vmsplice", "io_uring_setup", "io_submit")
_IN_MEMORY = ("memfd_create", "memfd_secret")
_ALL = (*_BY_NAME, *_OPENED, *_SHOWN, *_NOT_SHOWN, *_IN_MEMORY, "mmap", "chdir", "fchdir")
_LONGEST = 1 << 26
_WRITING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)")
_LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)(?:<(.*)>)?(?:\(deleted\))?(?: .*)?")
_DESCRIPTOR = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_SHARED = re.compile(r"PROT_WRITE.*MAP_SHARED.*, \d+<([^>]*)>")
_NO_FILE = re.compile(r"(socket|anon_inode|TCP|UDP|UNIX|NETLINK)\b")


@dataclass(frozen=True, slots=True)
class Writes:
    """What was written.

    Attributes:
        files: for each file or pipe that was touched, the calls that did so.
        kept: for each that content was written to, the file that has all of it.
        folder: where these are.
    """

    folder: Path
    files: dict[str, set[str]] = field(default_factory=dict)
    kept: dict[str, Path] = field(default_factory=dict)

    def touch(self, path: str, call: str, content: bytes = b"") -> None:
        """Note a call."""
        self.files.setdefault(path, set()).add(call)
        if content:
            copy = self.kept.setdefault(path, self.folder / f"{len(self.kept)}.written")
            with copy.open("ab") as file:
                file.write(content)


@dataclass(frozen=True, slots=True)
class Traced:
    """A process that has ended, and what it wrote."""

    code: int
    output: str
    writes: Writes


def trace(
    command: Sequence[str | Path], folder: Path, cwd: Path, environment: Mapping[str, str]
) -> Traced:
    """Run a command under strace, without a core dump.

    Args:
        folder: where the trace is kept; it is made.
        environment: all that the command has of it.

    Raises:
        UsageError: there is no strace, or what it told is not understood.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise UsageError("strace is not installed; install it with: apt-get install strace")
    told, kept = folder / "told", folder / "kept"
    told.mkdir(parents=True)
    kept.mkdir()
    calls = ",".join(f"?{name}" for name in _ALL)
    options = ["-ff", "-qqq", "-y", "-xx", f"-s{_LONGEST}", "--seccomp-bpf", "-e", "signal=none"]
    program = [strace, *options, "-e", f"trace={calls}", "-o", told / "of", *command]
    done = subprocess.run(  # noqa: S603 - a test's own command
        ["/bin/sh", "-c", 'ulimit -c 0; exec "$@"', "sh", *program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=dict(environment),
        check=False,
    )
    writes = Writes(kept)
    threads = sorted(told.iterdir())
    if not threads:
        raise UsageError(f"strace told nothing: {done.stderr[-500:]}")
    for path in threads:
        _read(path, str(cwd), writes)
    shutil.rmtree(told)
    return Traced(done.returncode, done.stdout + done.stderr, writes)


def _read(path: Path, cwd: str, writes: Writes) -> None:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            found = _LINE.fullmatch(line.rstrip("\n"))
            if found is None:
                _require_unimportant(line)
            elif not found[3].startswith("-"):
                _note(found[1], found[2], found[4], cwd, writes)


def _require_unimportant(line: str) -> None:
    """A call that did not return, because the process ended or the thread was ended."""
    call = line.partition("(")[0]
    if not re.fullmatch(r"\w+\(.*(= \?.*|<unfinished \.\.\.>)\n?", line) or call not in _ALL:
        raise UsageError(f"strace told of {call[:40]} in a way that is not understood")


def _note(call: str, arguments: str, result: str | None, cwd: str, writes: Writes) -> None:
    if call in _SHOWN:
        target = _plain(_descriptors(arguments)[0])
        if not _NO_FILE.match(target):
            writes.touch(target, call, b"".join(_texts(arguments)))
    elif call in _OPENED:
        if _WRITING.search(arguments):
            writes.touch(_plain(result or ""), call)
    elif call == "mmap":
        if shared := _SHARED.search(arguments):
            writes.touch(_plain(shared[1]), call)
    elif call in _BY_NAME:
        for name in _names(call, arguments, cwd):
            writes.touch(name, call)
    else:
        writes.touch(f"({call})", call)


def _names(call: str, arguments: str, cwd: str) -> Iterator[str]:
    """The full names that a call makes or changes; of a link's text, where the link itself is."""
    texts = [text.decode() for text in _texts(arguments)]
    if call.startswith("symlink"):
        texts = texts[1:]
    folders = [_plain(one) for one in _descriptors(arguments)] or [cwd]
    for place, text in enumerate(texts):
        yield os.path.normpath(Path(folders[min(place, len(folders) - 1)], text))


def _descriptors(arguments: str) -> list[str]:
    return _DESCRIPTOR.findall(_TEXT.sub('""', arguments))


def _texts(arguments: str) -> list[bytes]:
    found = _TEXT.findall(arguments)
    if any(cut for _, cut in found):
        raise UsageError("strace cut a text short")
    return [bytes.fromhex(text.replace("\\x", "")) for text, _ in found]


def _plain(text: str) -> str:
    """A name that strace wrote in hexadecimal."""
    return re.sub(
        r"(?:\\x[0-9a-f]{2})+", lambda one: bytes.fromhex(one[0].replace("\\x", "")).decode(), text
    )
