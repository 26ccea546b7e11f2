"""Disks that are full or read-only, for real: a small file system of its own for a test's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs of a few KiB, mounted at `folder`."""

    folder: Path

    def resize(self, kib: int, *, read_only: bool = False) -> None:
        """Make it larger or smaller, or read-only."""
        mode = "ro" if read_only else "rw"
        mount("-o", f"remount,{mode},size={kib}k", str(self.folder))

    def fill(self) -> None:
        """Leave no free block."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return


def mount(*args: str) -> None:
    """Call mount(8). Raises CalledProcessError where this is not allowed."""
    subprocess.run(["mount", *args], check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[SmallDisk]:
    """A small disk; skips the test where no file system can be mounted (not Linux, not root, or a strict container)."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system needs Linux and root")
    folder.mkdir(parents=True)
    try:
        mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no file system can be mounted here: {error.stderr.decode().strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


@contextmanager
def read_only_folder(folder: Path) -> Iterator[Path]:
    """A folder in which nothing can be made."""
    if os.geteuid() != 0:
        folder.mkdir(parents=True)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    with small_disk(folder, 4096) as disk:  # root writes wherever the disk lets it
        disk.resize(4096, read_only=True)
        yield folder
