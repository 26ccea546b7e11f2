"""A status as Prometheus's text format (version 0.0.4), for node_exporter's textfile collector. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lrsync import __version__
from lrsync.core.status import StatusReport
from lrsync.errors import ExitCode

_NS: int = 1_000_000_000


class _Metric(NamedTuple):
    """One gauge, and its values by their labels (besides the library's)."""

    name: str
    help: str
    values: tuple[tuple[Mapping[str, str], float], ...]


def render(library: str, report: StatusReport | None, code: ExitCode) -> str:
    """The metrics of one library. A time that is not known is left out: a 0 would read as 1970."""
    lines: list[str] = []
    for metric in _metrics(report, code):
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} gauge"]
        lines += [
            f"{metric.name}{_labels({'library': library, **more})} {_number(value)}" for more, value in metric.values
        ]
    return "".join(f"{line}\n" for line in lines)


def _metrics(report: StatusReport | None, code: ExitCode) -> Iterator[_Metric]:
    yield _one("lrsync_info", "Which lrsync this is.", 1, {"version": __version__})
    yield _one("lrsync_status_exit_code", "What 'lrsync status' ends with: 0 is all safe.", int(code))
    if report is None:
        return
    states = {
        "safe": report.safe,
        "pending": report.pending,
        "missing": report.missing,
        "quarantined": report.quarantined,
        "drifted": report.drifted,
        "unproven": report.unproven,
        "rotten": report.rotten,
    }
    yield _Metric(
        "lrsync_files", "Files by what is known of them.", tuple(({"state": s}, n) for s, n in states.items())
    )
    sizes = {"safe": report.safe_bytes, "pending": report.pending_bytes, "missing": report.missing_bytes}
    yield _Metric("lrsync_bytes", "Bytes by what is known of them.", tuple(({"state": s}, n) for s, n in sizes.items()))
    findings = Counter(finding.kind.value for finding in report.findings)
    if findings:
        values = tuple(({"kind": kind}, float(number)) for kind, number in sorted(findings.items()))
        yield _Metric("lrsync_findings", "What a person should look at.", values)
    yield from _runs(report)


def _runs(report: StatusReport) -> Iterator[_Metric]:
    last, good, full = report.last_run, report.last_good_run, report.library.last_full_pass
    if last is not None:
        yield _one("lrsync_last_run_start_timestamp_seconds", "When the last run began.", last.started_at / _NS)
        yield _one("lrsync_last_run_exit_code", "What the last run ended with.", last.exit_code)
        if last.finished_at is not None:
            seconds = (last.finished_at - last.started_at) / _NS
            yield _one("lrsync_last_run_duration_seconds", "How long the last run took.", seconds)
    if good is not None and good.finished_at is not None:
        name = "lrsync_last_success_timestamp_seconds"
        yield _one(name, "When the last good backup ended.", good.finished_at / _NS)
    if full is not None:
        name = "lrsync_last_full_pass_timestamp_seconds"
        yield _one(name, "When the whole bucket was last compared with the manifest.", full / _NS)


def _one(name: str, text: str, value: float, labels: Mapping[str, str] | None = None) -> _Metric:
    return _Metric(name, text, ((labels or {}, value),))


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    clean = value.encode("utf-8", "backslashreplace").decode()
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
