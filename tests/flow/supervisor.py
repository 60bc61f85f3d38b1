"""A supervisor as a process of its own, whose channel posts to RECEIVER; argument: seconds between looks."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from datetime import timedelta

import httpx

from remit.alerts.watch import watch
from remit.errors import Unavailable
from remit.ports import Notice
from remit.wiring import Settings, clock, open_deployment, open_notes


class Post:
    label = "post"

    def send(self, notice: Notice) -> None:
        body = json.dumps(asdict(notice)).encode()
        try:
            httpx.post(os.environ["RECEIVER"], content=body, timeout=10).raise_for_status()
        except httpx.HTTPError:
            raise Unavailable(self.label, "it does not answer.") from None


if __name__ == "__main__":
    settings, seconds = Settings.from_environment(), float(sys.argv[1])
    by, every = f"os:{os.environ['NAME']}", timedelta(seconds=seconds)
    while True:
        watch(lambda: open_deployment(settings), open_notes(settings), [Post()], by, clock, every)
        time.sleep(seconds)
