"""Property tests are not about time: on a busy machine any example can be slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("lrsync", deadline=None)
settings.load_profile("lrsync")
