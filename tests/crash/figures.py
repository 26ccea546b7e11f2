"""What a campaign counts. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Figures:
    """Counts over all nights of one or more lives. `sent_twice`: bytes of files that S3 had acknowledged before."""

    nights: int = 0
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    killed_while: Counter[str] = field(default_factory=Counter)
    files_checked: int = 0
    files_lost: int = 0
    bytes_sent: int = 0
    sent_twice: int = 0
    files_twice: int = 0
    uploads_resumed: int = 0

    @property
    def killed(self) -> int:
        """All kills."""
        return self.kills.total()

    def add(self, other: Figures) -> None:
        """Take another life's counts in."""
        self.kills += other.kills
        self.killed_while += other.killed_while
        for name in ("nights", "runs", "files_checked", "files_lost", "bytes_sent", "sent_twice", "files_twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.uploads_resumed += other.uploads_resumed

    def lines(self) -> list[str]:
        """For people."""
        share = 100 * self.sent_twice / self.bytes_sent if self.bytes_sent else 0.0
        return [
            f"kills: {self.killed:,} in {self.runs:,} runs over {self.nights:,} nights",
            *(f"  {name}: {count:,}" for name, count in sorted(self.kills.items())),
            "killed while in:",
            *(f"  {name}: {count:,}" for name, count in sorted(self.killed_while.items())),
            f"files compared with their objects: {self.files_checked:,}",
            f"files lost: {self.files_lost:,}",
            f"multipart uploads that another process went on with: {self.uploads_resumed:,}",
            f"bytes sent: {self.bytes_sent:,}; sent twice: {self.sent_twice:,} ({share:.2f} %), "
            f"in {self.files_twice:,} files",
        ]
