"""A night with nothing to do, and one with little: lrsync against `find`, and against programs that ask S3.

The libraries are of 10,000, 100,000 and 1,000,000 files, a hundred to a folder, in a warm cache. lrsync's own runs have
the sink for a server, which is not asked anything; the other programs have a SeaweedFS that really holds the files.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmarks.compare import cost_on, make_home
from benchmarks.measure import RESULTS, Cost, Table, markdown, medians, save
from benchmarks.programs import FILL, MANY, NIGHTS, Job, Program, find, lrsync_status, lrsync_up
from benchmarks.servers import seaweed, sink
from benchmarks.trees import LONG_AGO_S, make_tree, path_of
from lrsync.adapters import listing, lookahead
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from tests.stores.server import S3Server

SYNC = lrsync_up()
SIZES = (10_000, 100_000, 1_000_000)
PER_FOLDER = 100
CHANGED = 100
PEERS_UP_TO = 10_000
"""Programs that ask S3 about every file are measured on the usual size only: the shape of their cost is known."""
SETTLED_S = 2.5
SLOW_FILES = 10_000
SLOW_S = 0.001


@dataclass(frozen=True)
class Night:
    """One library, its server, and what programs keep."""

    job: Job
    server: S3Server

    def run(self, command: Callable[[Job], list[str]]) -> Cost:
        """What a program costs."""
        return cost_on(self.server, Program(command, 1), self.job)


def _night(home: Path, server: S3Server, source: Path) -> Night:
    own = make_home(home)
    return Night(Job(source, "night", server.endpoint, own, own / "m.sqlite"), server)


@contextmanager
def _library(home: Path, server: S3Server, source: Path) -> Iterator[tuple[Night, Cost]]:
    """A library that was backed up, with what that cost; its files are older than a second look would ask for."""
    night = _night(home, server, source)
    first = night.run(SYNC)
    time.sleep(SETTLED_S)
    night.run(SYNC)
    try:
        yield night, first
    finally:
        (source / ".lrsync-library").unlink()


def _edit(source: Path, count: int, seed: int) -> None:
    """Give a hundred files other bytes of the same length, and a time that is years ago but another one."""
    picked = random.Random(seed)
    for number in picked.sample(range(count), CHANGED):
        path = path_of(source, number, PER_FOLDER)
        path.write_bytes(picked.randbytes(path.stat().st_size))
        when = LONG_AGO_S + picked.randrange(1, 10**6)
        os.utime(path, (when, when))
    time.sleep(SETTLED_S)


def _measure(night: Night, count: int, rounds: int, peers: Night | None) -> Table:
    """Quiet nights, nights with changes and `status`, in turn."""
    quiet: dict[str, list[Cost]] = {"lrsync sync": [], "find -printf": []}
    busy: list[Cost] = []
    more: list[Cost] = []
    status: dict[str, list[Cost]] = {"lrsync status": []}
    for number in range(rounds):
        own = night.run(SYNC)
        quiet["lrsync sync"].append(own)
        quiet["find -printf"].append(night.run(find))
        for name, program in NIGHTS.items() if peers else ():
            assert peers is not None
            if number < program.rounds:
                quiet.setdefault(name, []).append(peers.run(program.command))
        status["lrsync status"].append(night.run(lrsync_status))
        _edit(night.job.folder, count, number)
        changed = night.run(SYNC)
        busy.append(changed)
        more.append(Cost(changed.cpu_s - own.cpu_s, changed.wall_s - own.wall_s, changed.peak_bytes))
        night.run(SYNC)  # settles what was written just now
        print(f"{count:,} files, round {number + 1}: {own}, {changed}", flush=True)
    title = f"{count:,} files"
    return {
        f"{title}, nothing changed": quiet,
        f"{title}, {CHANGED} changed": {"lrsync sync": busy},
        f"{title}, {CHANGED} changed, above the quiet night": {"lrsync sync": more},
        f"{title}, status": status,
    }


def _filled(home: Path, server: S3Server, source: Path) -> Night:
    """A real server that holds the files, as the other programs name them."""
    night = _night(home, server, source)
    with closing(server.client()) as client:
        client.create_bucket(Bucket=night.job.bucket)
    night.run(FILL)
    return night


class _SlowEntry:
    """A directory entry whose stat takes a round trip."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name, self.is_file, self.is_dir, self._stat = entry.name, entry.is_file, entry.is_dir, entry.stat

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        time.sleep(SLOW_S)
        return self._stat(follow_symlinks=follow_symlinks)


@contextmanager
def _slow_scandir(folder: int | str) -> Iterator[Iterator[_SlowEntry]]:
    with os.scandir(folder) as entries:
        yield map(_SlowEntry, entries)


def slow_disk(home: Path) -> dict[str, float]:
    """Wall seconds of a walk where a stat takes a millisecond, as on a NAS: by one worker, and as lrsync does it."""
    source = home / "slow"
    make_tree(source, SLOW_FILES, 1, per_folder=PER_FOLDER)
    tree = LocalTree(source, IgnoreRules())
    found = {}
    slow_os = mock.Mock(wraps=os, scandir=_slow_scandir)
    for name, verdicts in (("one worker", sys.maxsize), ("lrsync", lookahead.VERDICTS)):
        with mock.patch.object(listing, "os", slow_os), mock.patch.object(lookahead, "VERDICTS", verdicts):
            began = time.monotonic()
            assert sum(len(folder.columns.names) for folder in tree.walk()) == SLOW_FILES
            found[name] = time.monotonic() - began
    return found


def _plot(table: Table) -> None:
    """Cost against library size, on two logarithmic axes."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lrsync"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    lines = {
        "find -printf": ("nothing changed", "find -printf"),
        "lrsync sync, nothing changed": ("nothing changed", "lrsync sync"),
        f"lrsync sync, {CHANGED} changed": (f"{CHANGED} changed", "lrsync sync"),
        "lrsync status": ("status", "lrsync status"),
    }
    for label, (case, program) in lines.items():
        points = [
            (size, medians(table[f"{size:,} files, {case}"][program]).cpu_s)
            for size in SIZES
            if f"{size:,} files, {case}" in table
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    for name in NIGHTS:
        costs = table.get(f"{PEERS_UP_TO:,} files, nothing changed", {}).get(name)
        if costs:
            axes.plot([PEERS_UP_TO], [medians(costs).cpu_s], marker="x", linestyle="none", label=name)
    axes.set(xscale="log", yscale="log", xlabel="files in the library", ylabel="CPU seconds", title="A night's cost")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(RESULTS / "night.svg", metadata={"Date": None})


def main(args: list[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    parser = argparse.ArgumentParser(prog="benchmarks night", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 10,000 files, kept nowhere")
    parser.add_argument("--rounds", type=int, help=f"[default: {MANY}]")
    parser.add_argument("--sizes", help="comma separated [default: 10000,100000,1000000]")
    parser.add_argument("--no-peers", action="store_true", help="leave out the programs that ask S3")
    given = parser.parse_args(args)
    sizes = [int(size) for size in given.sizes.split(",")] if given.sizes else list(SIZES[:1] if given.quick else SIZES)
    rounds = given.rounds or (1 if given.quick else MANY)
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="lrsync-bench-") as folder, ExitStack() as stack:
        home = Path(folder)
        own = stack.enter_context(sink())
        for count in sizes:
            source = home / str(count)
            make_tree(source, count, 16, per_folder=PER_FOLDER)
            peers = None
            if count <= PEERS_UP_TO and not given.no_peers:
                server = stack.enter_context(seaweed(home / "seaweed"))
                peers = _filled(home, server, source)
            with _library(home, own, source) as (night, first):
                table |= _measure(night, count, rounds, peers)
            table[f"{count:,} files, first upload"] = {"lrsync sync": [first]}
            if not given.quick:
                save("night", table)
        slow = slow_disk(home)
    print(markdown(table))
    print(f"a stat takes {SLOW_S * 1000:g} ms: " + ", ".join(f"{name} {wall:.2f} s" for name, wall in slow.items()))
    if not given.quick:
        _plot(table)
    return 0
