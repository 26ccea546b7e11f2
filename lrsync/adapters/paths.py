"""Where lrsync keeps its own files unless it is told otherwise. Names places; makes and opens nothing."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path


def default_manifest_path(source: Path | str, endpoint: str | None, bucket: str, prefix: str) -> Path:
    """Where a library's manifest lies, in the platform's data folder: one file for each source and place in S3.

    `source` is absolute. The name tells a person which library it is, its last part tells any two apart.
    """
    import platformdirs

    identity = "\0".join((str(source), endpoint or "", bucket, prefix))
    short = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{Path(source).name}-{bucket}").strip("-.")[:60]
    folder = platformdirs.user_data_path("lrsync", appauthor=False) / "manifests"
    return folder / f"{readable or 'library'}-{short}.sqlite"
