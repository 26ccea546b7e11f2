"""Programs that do the same job, one after the other, round by round; what uploads and restores have in common."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Cost, Table, cost_of, markdown, save
from benchmarks.programs import Job, Program
from tests.stores.server import S3Server


@dataclass(frozen=True)
class Case:
    """Some files of one size, in bytes."""

    title: str
    count: int
    size: int


@dataclass(frozen=True)
class Contest:
    """A benchmark. `begin` makes the files of a case in a folder; what it returns has one program do the job."""

    name: str
    programs: Mapping[str, Program]
    cases: Mapping[str, Case]
    servers: Mapping[str, Callable[[Path], AbstractContextManager[S3Server]]]
    begin: Callable[[S3Server, Case, Path], Callable[[Program], Cost]]


def run(contest: Contest, description: str | None, args: Sequence[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    parser = argparse.ArgumentParser(prog=f"benchmarks {contest.name}", description=description)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth, kept nowhere")
    parser.add_argument("--rounds", type=int, help="rounds of each program, at most [default: 5, of the slow ones 1]")
    parser.add_argument("--programs", help="comma separated; lrsync must be the first [default: all]")
    parser.add_argument("--cases", default=",".join(contest.cases), help="comma separated [default: all]")
    parser.add_argument("--servers", default=",".join(contest.servers), help="comma separated [default: all]")
    given = parser.parse_args(args)
    names = given.programs.split(",") if given.programs else list(contest.programs)
    most = given.rounds or (1 if given.quick else max(one.rounds for one in contest.programs.values()))
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="lrsync-bench-") as folder, ExitStack() as stack:
        for server_name in given.servers.split(","):
            server = stack.enter_context(contest.servers[server_name](Path(folder) / server_name))
            for case_name in given.cases.split(","):
                case = _smaller(contest.cases[case_name]) if given.quick else contest.cases[case_name]
                once = contest.begin(server, case, Path(folder) / case_name)
                label = f"{case.title}, {server_name}"
                table[label] = _rounds(label, {name: contest.programs[name] for name in names}, once, most)
                if not given.quick:
                    save(contest.name, table)
    print(markdown(table))
    return 0


def _smaller(case: Case) -> Case:
    """A tenth of the files; of one file, one of a tenth its size."""
    if case.count > 1:
        return Case(f"a tenth of {case.title}", max(1, case.count // 10), case.size)
    return Case(f"a tenth of {case.title}", 1, case.size // 10)


def _rounds(
    label: str, programs: Mapping[str, Program], once: Callable[[Program], Cost], most: int
) -> dict[str, list[Cost]]:
    """A B C A B C, so that a busy minute of the machine hits all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for number in range(most):
        for name, program in programs.items():
            if number < program.rounds:
                costs[name].append(once(program))
                print(f"{label}, round {number + 1}, {name}: {costs[name][-1]}", flush=True)
    return costs


def cost_on(server: S3Server, program: Program, job: Job) -> Cost:
    """What the program costs, with the server's credentials and a home of its own."""
    environment = server.environment(HOME=str(job.home), AWS_REGION=server.region)
    # Byte code is kept, as in any installation: without it each Python program pays its imports anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return cost_of(program.command(job), environment, job.home / "out")


def make_home(below: Path) -> Path:
    """A fresh folder."""
    below.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=below))
