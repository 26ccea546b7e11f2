"""Which file system a folder is on, and what is known of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrsync.adapters.identity import read_identity
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.mounts import Mount, find_mount, volume_ids
from lrsync.core.identity import difference, from_text, to_text
from lrsync.core.keys import MARKER
from lrsync.errors import SourceError
from tests.e2e.disks import mount, small_disk
from tests.trees import make_tree

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw
40 27 0:50 / /mnt/nas rw,relatime - autofs systemd-1 rw
41 40 0:51 / /mnt/nas rw,relatime shared:9 - nfs4 nas:/export/photos rw,vers=4.2
42 27 8:17 / /media/My\040Card ro - exfat /dev/sdb1 ro
43 27 0:60 / /mnt/sea rw - fuse.sshfs anna@sea:/photos rw
garbage
44 27 0:61 / /mnt/nas2 rw - xfs
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux tells them")


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/home/anna/Photos", Mount("/", "ext4", "/dev/vda")),
        ("/mnt/nas", Mount("/mnt/nas", "nfs4", "nas:/export/photos")),
        ("/mnt/nas/2024", Mount("/mnt/nas", "nfs4", "nas:/export/photos")),
        ("/mnt/nas2", Mount("/", "ext4", "/dev/vda")),
        ("/media/My Card/DCIM", Mount("/media/My Card", "exfat", "/dev/sdb1")),
        ("/mnt/sea", Mount("/mnt/sea", "fuse.sshfs", "anna@sea:/photos")),
    ],
)
def test_the_mount_of_a_path(tmp_path: Path, path: str, mount: Mount) -> None:
    (tmp_path / "mountinfo").write_text(TABLE)
    assert find_mount(path, tmp_path / "mountinfo") == mount


def test_a_system_without_a_mount_table(tmp_path: Path) -> None:
    assert find_mount("/", tmp_path / "none") is None


@pytest.mark.parametrize(
    ("kind", "keeps"),
    [
        *((kind, True) for kind in ("ext4", "xfs", "btrfs", "nfs4", "fusectl")),
        *((kind, False) for kind in ("vfat", "exfat", "cifs", "fuse.sshfs", "fuseblk")),
    ],
)
def test_who_keeps_inode_numbers(kind: str, keeps: bool) -> None:
    assert Mount("/", kind, "x").keeps_inodes is keeps


@linux
def test_the_ids_that_last_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path.stat().st_dev
    (tmp_path / "uuids").mkdir()
    (tmp_path / "uuids/1234-ABCD").touch()
    monkeypatch.setattr("lrsync.adapters.mounts._device_at", lambda path: device)
    share = Mount("/", "nfs4", "nas:/export")
    ids = volume_ids(str(tmp_path), share, tmp_path / "uuids")
    assert ids[:2] == (("uuid", "1234-ABCD"), ("mount", "nas:/export"))
    assert volume_ids(str(tmp_path), None, tmp_path / "none")[0][0] in ("fsid", "dev")


@linux
@pytest.mark.parametrize("fsid", ["none", "the device's number"])
def test_a_device_number_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsid: str) -> None:
    device = tmp_path.stat().st_dev
    facts = list(os.statvfs(tmp_path))
    told = os.statvfs_result([*facts[:10], 0 if fsid == "none" else device])
    monkeypatch.setattr(os, "statvfs", lambda path: told)
    assert volume_ids(str(tmp_path), Mount("/", "xfs", "/dev/sda1"), tmp_path) == (("dev", str(device)),)
    assert volume_ids(str(tmp_path), Mount("/", "exfat", "/dev/sda1"), tmp_path) == (), "a card reader's, of any card"


def test_what_the_rules_leave_out_and_every_drive_has_tells_nothing(tmp_path: Path) -> None:
    make_tree(tmp_path, {"2024": {}, "lost+found": {}, ".Trashes": {}, "b.jpg": b"b", ".DS_Store": b"", MARKER: b""})
    found = read_identity(tmp_path, IgnoreRules(["*.jpg"]))
    assert found is not None
    assert found.entries == (("2024", (tmp_path / "2024").stat().st_ino),)
    assert found.root == f"inode:{tmp_path.stat().st_ino}"


def test_a_source_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_identity(tmp_path / "none", IgnoreRules())


def test_names_alone_count_where_inode_numbers_do_not_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path, {"card": {"DCIM": {}, "a.jpg": b""}})
    here = Mount(str(tmp_path), "fuse.sshfs", "anna@sea:/photos")
    monkeypatch.setattr("lrsync.adapters.identity.find_mount", lambda path: here)
    found = read_identity(tmp_path / "card", IgnoreRules())
    assert found is not None
    assert (found.root, found.entries) == ("path:card", (("DCIM", 0), ("a.jpg", 0)))


@linux
def test_a_real_drive_is_known_again_and_another_is_not(tmp_path: Path) -> None:
    """Mounted elsewhere it is the same; the empty mount point, and another drive with the same folders, are not."""
    place, elsewhere = tmp_path / "drive", tmp_path / "elsewhere"
    place.mkdir()
    make_tree(place, {"2024": {}})
    rules = IgnoreRules()
    below = read_identity(place, rules)
    place.joinpath("2024").rmdir()
    place.rmdir()
    with small_disk(place, 256):
        make_tree(place, {"2024": {}})
        found = read_identity(place, rules)
        assert found is not None
        recorded = from_text(to_text(found))
        assert below is None or difference(recorded, below) == "it is on another file system"
        elsewhere.mkdir()
        mount("--bind", str(place), str(elsewhere))
        try:
            again = read_identity(elsewhere, rules)
        finally:
            subprocess.run(["umount", str(elsewhere)], check=True)
        assert again is not None
        assert difference(recorded, again) is None
        with small_disk(tmp_path / "other", 256) as other:
            make_tree(other.folder, {"2024": {}})
            another = read_identity(other.folder, rules)
        assert another is not None
        assert difference(recorded, another) == "it is on another file system"
