"""`python -m remit.testing.campaign`: plays the seeds, and says what came of them."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from remit.testing.campaign.places import KINDS, placed, small_disk
from remit.testing.campaign.play import Driver, Played, play, tidy
from remit.testing.softhsm import SoftHsm


def main() -> int:
    """Exit 0 when nothing was found, 1 when something was."""
    parser = argparse.ArgumentParser(prog="python -m remit.testing.campaign")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--json", type=Path, help="a file for every seed's outcome")
    options = parser.parse_args()
    began = time.monotonic()
    everything = []
    with (
        tempfile.TemporaryDirectory() as folder,
        small_disk(Path(folder) / "disk"),
        Driver() as driver,
    ):
        token = SoftHsm(Path(folder) / "token") if "token" in options.kinds else None
        for seed in range(options.first, options.first + options.seeds):
            kind = options.kinds[seed % len(options.kinds)]
            root = Path(folder) / "disk" / f"seed-{seed}"
            root.mkdir(mode=0o700)
            key_store = token if kind == "token" else None
            with placed(kind, root, options.patients, key_store) as place:
                everything.append(play(seed, kind, place, driver))
            tidy(root)
            _say(everything[-1])
    _sum_up(everything, time.monotonic() - began)
    if options.json:
        options.json.write_text(json.dumps([one.as_json() for one in everything], indent=1) + "\n")
    return 1 if any(one.findings for one in everything) else 0


def _say(one: Played) -> None:
    if one.findings:
        sys.stdout.write(f"seed {one.seed} ({one.kind}): {one.strikes}: {one.findings}\n")
        sys.stdout.flush()


def _sum_up(everything: list[Played], seconds: float) -> None:
    strikes = Counter(
        strike.split(" at ")[0].split(" after ")[0] for o in everything for strike in o.strikes
    )
    ends = Counter(one.ended for one in everything)
    wrong = sum(bool(one.findings) for one in everything)
    sys.stdout.write(f"{len(everything)} runs, {sum(strikes.values())} faults, {seconds:.0f} s\n")
    for title, found in (("faults", strikes), ("ends", ends)):
        for what, count in sorted(found.items()):
            sys.stdout.write(f"  {title}: {what}: {count}\n")
    sys.stdout.write(f"{wrong} runs with a finding\n")


if __name__ == "__main__":
    raise SystemExit(main())
