"""The modules of the commands are imported when a command is called.

So `remit receive` needs no more than is installed at a target, and `remit --help` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Later:
    """A module whose functions can be named before it is imported."""

    module: str

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(_call, self.module, name)


def _call(module: str, name: str, *arguments: Any) -> Any:
    return getattr(import_module(module), name)(*arguments)
