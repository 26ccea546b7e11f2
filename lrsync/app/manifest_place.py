"""Where a library's manifest lies. A module of its own: what only reads a manifest needs no more of a session."""

from __future__ import annotations

from pathlib import Path

from lrsync.config import Config
from lrsync.errors import UsageError


def manifest_path(config: Config) -> Path:
    """Where this library's manifest lies. Raises UsageError where the settings do not say which library."""
    if config.manifest is not None:
        return config.manifest.absolute()
    from lrsync.adapters.paths import default_manifest_path

    if config.source is None:
        raise UsageError("no source folder is given", hint="use --source-path, --manifest, or the config file")
    return default_manifest_path(config.source.resolve(), config.endpoint_url or "", config.bucket, config.prefix)
