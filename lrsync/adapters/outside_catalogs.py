"""Which of the catalogs outside of the source changed since they were last kept: a `core.ports.OutsideCatalogs`.

Standard library only, and a few stats: it is asked every night. What was kept is noted in a file beside the manifest;
where that is lost, a catalog is copied once more and found to be what the newest snapshot has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lrsync.adapters.catalog_family import family_of
from lrsync.adapters.sqlite import side_file
from lrsync.core.catalogs import OutsideCatalog
from lrsync.core.scan import Stat

_FORMAT: Final = 1
_SUFFIX: Final = ".catalogs"


class NotedCatalogs:
    """Catalogs by their absolute paths, with what is noted beside this manifest."""

    def __init__(self, manifest: Path, catalogs: Iterable[Path]) -> None:
        self._manifest = manifest
        # With `/` on Windows, too: the last part names its snapshots.
        self._paths = [str(path).replace(os.sep, "/") for path in catalogs]

    def changed(self) -> Sequence[OutsideCatalog]:
        """Those that are not as they were noted, or not there."""
        noted = read_noted(self._manifest)
        found = [_look(path) for path in self._paths]
        return [one for one in found if one.stat is None or noted.get(one.path) != one.stat]

    def settle(self, kept: Mapping[str, Stat]) -> None:
        """Note these stats. Of catalogs that nobody names any more nothing is kept. Raises OSError."""
        noted = {path: stat for path, stat in (read_noted(self._manifest) | dict(kept)).items() if path in self._paths}
        file = side_file(self._manifest, _SUFFIX)
        part = side_file(file, ".part")
        part.write_text(json.dumps({"format": _FORMAT, "catalogs": noted}), encoding="utf-8")
        os.replace(part, file)


def read_noted(manifest: Path) -> dict[str, Stat]:
    """The catalogs outside of the source that were kept, by path, as they were then."""
    try:
        values = json.loads(side_file(manifest, _SUFFIX).read_text(encoding="utf-8"))
        if values["format"] != _FORMAT:
            return {}
        return {path: Stat(*map(int, stat)) for path, stat in values["catalogs"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}  # nothing is known then: each is copied, and compared with its newest snapshot


def _look(path: str) -> OutsideCatalog:
    try:
        family = family_of(path)
    except OSError as error:
        return OutsideCatalog(path, None, error.strerror or str(error))
    return OutsideCatalog(path, None if family is None else family.stat)
