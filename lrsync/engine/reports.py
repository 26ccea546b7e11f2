"""The findings of a run, in words. One place, so that they read alike."""

from __future__ import annotations

from lrsync.core.model import Content, Finding, FindingKind, QuarantinedContent


def mass_change(changed: int) -> Finding:
    """So many files changed that nothing was overwritten."""
    return Finding(
        FindingKind.MASS_CHANGE,
        "",
        f"{changed:,} files changed their content at once, so nothing in the bucket was overwritten",
        "is it ransomware, or a program gone wrong? If the change is meant, run once with --accept-mass-change",
    )


def suspect_original(path: str, why: str, content: Content) -> Finding:
    """A new original that does not look whole."""
    return Finding(
        FindingKind.SUSPECT_ORIGINAL,
        path,
        f"this new original {why}; it was backed up as it is",
        "look at it, and copy it from the card again while the card has it; accept it if it is as it should be",
        quarantined=QuarantinedContent(path, content.stat, content.sha256),
    )


def changed_original(path: str, content: Content) -> Finding:
    """A known original whose bytes are other ones now."""
    return Finding(
        FindingKind.ORIGINAL_CHANGED,
        path,
        "this original's bytes changed; the good object in the bucket was kept",
        "look at the file: if it is damaged, restore it; if the change is meant, accept it",
        quarantined=QuarantinedContent(path, content.stat, content.sha256),
    )
