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


class NotedCatalogs:
    """Catalogs by their absolute paths, with what is noted beside this manifest."""

    def __init__(self, manifest: Path, catalogs: Iterable[Path]) -> None:
        self._file = side_file(manifest, ".catalogs")
        # With `/` on Windows, too: the last part names its snapshots.
        self._paths = [str(path).replace(os.sep, "/") for path in catalogs]

    def changed(self) -> Sequence[OutsideCatalog]:
        """Those that are not as they were noted, or not there."""
        noted = self._read()
        found = [_look(path) for path in self._paths]
        return [one for one in found if one.stat is None or noted.get(one.path) != one.stat]

    def settle(self, kept: Mapping[str, Stat]) -> None:
        """Note these stats. Of catalogs that nobody names any more nothing is kept. Raises OSError."""
        noted = {path: stat for path, stat in (self._read() | dict(kept)).items() if path in self._paths}
        part = side_file(self._file, ".part")
        part.write_text(json.dumps({"format": _FORMAT, "catalogs": noted}), encoding="utf-8")
        os.replace(part, self._file)

    def _read(self) -> dict[str, Stat]:
        try:
            values = json.loads(self._file.read_text(encoding="utf-8"))
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
