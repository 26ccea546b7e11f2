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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmarks.measure import RESULTS, Cost, Table, cost_of, markdown, medians, save
from benchmarks.trees import LONG_AGO_S, make_tree, path_of
from benchmarks.upload import Job, _aws, _lrsync, _rclone, _s5cmd, seaweed, sink
from lrsync.adapters import listing, lookahead
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from tests.stores.server import S3Server

ROUNDS = 5
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

    def run(self, command: list[str]) -> Cost:
        """What a command costs."""
        environment = self.server.environment(HOME=str(self.job.home), AWS_REGION=self.server.region)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return cost_of(command, environment, self.job.home / "out")


def _find(job: Job) -> list[str]:
    return ["find", str(job.source), "-printf", "%s %T@ %p\\n"]


def _status(job: Job) -> list[str]:
    return [arg if arg != "sync" else "status" for arg in _without_run_flags(_lrsync()(job))]


def _without_run_flags(command: list[str]) -> list[str]:
    at = command.index("--log-file")
    return [arg for number, arg in enumerate(command) if number not in (at, at + 1) and arg != "--quiet"]


def _rclone_sync(*more: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        copy = _rclone(job)
        return [copy[0], "sync", *more, *copy[2:]]

    return command


PEERS: Mapping[str, Callable[[Job], list[str]]] = {
    "rclone sync --size-only --fast-list": _rclone_sync("--size-only", "--fast-list"),
    "rclone sync": _rclone_sync(),
    "s5cmd sync": _s5cmd("sync"),
    "aws s3 sync": _aws,
}


@contextmanager
def _library(home: Path, server: S3Server, source: Path, bucket: str) -> Iterator[Night]:
    """A library that was backed up, and whose files are older than a second look would ask for."""
    night = Night(Job(source, bucket, server.endpoint, Path(tempfile.mkdtemp(dir=home))), server)
    night.run(_lrsync()(night.job))
    time.sleep(SETTLED_S)
    night.run(_lrsync()(night.job))
    try:
        yield night
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
        own = night.run(_lrsync()(night.job))
        quiet["lrsync sync"].append(own)
        quiet["find -printf"].append(night.run(_find(night.job)))
        for name, command in PEERS.items() if peers else ():
            assert peers is not None
            quiet.setdefault(name, []).append(peers.run(command(peers.job)))
        status["lrsync status"].append(night.run(_status(night.job)))
        _edit(night.job.source, count, number)
        changed = night.run(_lrsync()(night.job))
        busy.append(changed)
        more.append(Cost(changed.cpu_s - own.cpu_s, changed.wall_s - own.wall_s, changed.peak_bytes))
        night.run(_lrsync()(night.job))  # settles what was written just now
        print(f"{count:,} files, round {number + 1}: {own}, {changed}", flush=True)
    title = f"{count:,} files"
    return {
        f"{title}, nothing changed": quiet,
        f"{title}, {CHANGED} changed": {"lrsync sync": busy},
        f"{title}, {CHANGED} changed, above the quiet night": {"lrsync sync": more},
        f"{title}, status": status,
    }


def _fill(server: S3Server, night: Night) -> None:
    """Give a real server the files, as the other programs name them."""
    server.client().create_bucket(Bucket=night.job.bucket)
    night.run(_rclone(night.job))


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
    for name in PEERS:
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
    parser.add_argument("--rounds", type=int, help=f"[default: {ROUNDS}]")
    parser.add_argument("--sizes", help="comma separated [default: 10000,100000,1000000]")
    parser.add_argument("--no-peers", action="store_true", help="leave out the programs that ask S3")
    given = parser.parse_args(args)
    sizes = [int(size) for size in given.sizes.split(",")] if given.sizes else list(SIZES[:1] if given.quick else SIZES)
    rounds = given.rounds or (1 if given.quick else ROUNDS)
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
                peers = Night(Job(source, "night", server.endpoint, Path(tempfile.mkdtemp(dir=home))), server)
                _fill(server, peers)
            with _library(home, own, source, "b") as night:
                table |= _measure(night, count, rounds, peers)
            if not given.quick:
                save("night", table)
        slow = slow_disk(home)
    print(markdown(table))
    print(f"a stat takes {SLOW_S * 1000:g} ms: " + ", ".join(f"{name} {wall:.2f} s" for name, wall in slow.items()))
    if not given.quick:
        _plot(table)
    return 0
