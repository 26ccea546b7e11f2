"""What `lrsync init` says at its end: what was made, what a first backup will be, and what comes next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from lrsync.config import Config
from lrsync.core.bucket import Feature, FeatureFact, FeatureState
from lrsync.core.first_look import FirstLook
from lrsync.core.prices import StorageQuote
from lrsync.ui import cost_view
from lrsync.ui.text import count, duration, printable, size

Facts = list[FeatureFact] | None
"""How a new bucket is set up; None where it was there already."""


def as_text(config: Config, file: Path, facts: Facts, look: FirstLook, quote: StorageQuote | None) -> str:
    """A few lines, and the commands that come next."""
    lines = [_bucket_line(config, facts), *(_fact_line(fact) for fact in facts or ())]
    lines.append(f"The settings of {printable(config.library)} are in {printable(str(file))}.")
    lines += ["", *_look_lines(look), cost_view.line(quote), "", "Next:"]
    following = _next_commands(config, file)
    width = max(len(command) for command, _ in following)
    lines += [f"  {command:<{width}}  {why}" for command, why in following]
    return "\n".join(lines)


_FEATURES = {
    Feature.VERSIONING: "versions of what is replaced or deleted",
    Feature.ENCRYPTION: "encryption",
    Feature.PUBLIC_ACCESS: "closed to the public",
    Feature.LIFECYCLE: "an end for what is left over",
}


def _bucket_line(config: Config, facts: list[FeatureFact] | None) -> str:
    if facts is None:
        return f"The bucket {config.bucket} is there, and was not changed ('lrsync doctor' looks at its settings)."
    return f"The bucket {config.bucket} was made:"


def _fact_line(fact: FeatureFact) -> str:
    done = "on" if fact.state is FeatureState.ON else "NOT on"
    return f"  {_FEATURES[fact.feature]}: {done} ({printable(fact.seen)})"


def _look_lines(look: FirstLook) -> list[str]:
    lines = [f"A first backup sends at most {count(look.files, 'file')}, {size(look.bytes)}."]
    rate = f"{size(look.rate)} a second"
    basis = f"assuming {rate}; your line may be faster or slower" if look.is_assumed else f"at your limit of {rate}"
    lines.append(f"That takes about {duration(look.upload_s)}, {basis}.")
    if look.excluded:
        lines.append(f"{count(look.excluded, 'entry', 'entries')} (caches, previews, system files) would be left out.")
    if look.unreadable:
        lines.append(f"{count(look.unreadable, 'entry', 'entries')} could not be read: see 'lrsync sync --dry-run'.")
    return lines


def _next_commands(config: Config, file: Path) -> list[tuple[str, str]]:
    from lrsync.settings import default_config_file

    place = "" if config.library == "default" else f" --library {shlex.quote(config.library)}"
    place += "" if file == default_config_file() else f" --config {shlex.quote(str(file))}"
    return [
        (f"lrsync doctor{place}", "check that all is as it should be"),
        (f"lrsync sync{place}", "the first backup; stopped, it goes on"),
        (f"lrsync schedule install{place} --at 02:30", "and then every night"),
    ]


def as_object(config: Config, file: Path, facts: Facts, look: FirstLook, quote: StorageQuote | None) -> dict[str, Any]:
    """The object of `init --json`."""
    return {
        "command": "init",
        "library": config.library,
        "result": "ok",
        "exit_code": 0,
        "config_file": str(file),
        "bucket": {
            "name": config.bucket,
            "created": facts is not None,
            "features": {fact.feature.value: {"state": fact.state.value, "seen": fact.seen} for fact in facts or ()},
        },
        "first_backup": {
            "files": look.files,
            "bytes": look.bytes,
            "excluded": look.excluded,
            "unreadable": look.unreadable,
            "seconds": round(look.upload_s, 1),
            "bytes_per_second": look.rate,
            "rate_is_assumed": look.is_assumed,
            **cost_view.json_of(quote),
        },
    }
