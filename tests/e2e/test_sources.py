"""Sources that are unusual: read-only ones without a marker, and names in a locale that is not UTF-8."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace

from tests.e2e.disks import mount, small_disk
from tests.e2e.machine import MARKER, Machine
from tests.stores.server import S3Server
from tests.trees import make_tree

Make = Callable[..., Machine]

TREE = {"DCIM": {"100": {"a.jpg": b"first", "b.nef": b"second"}}, "MISC": {"c.xmp": b"third"}}


def test_a_locked_card_is_known_by_its_file_system(seaweed: S3Server, machine: Make) -> None:
    here: Machine = machine(seaweed)
    with small_disk(here.source, 1024) as card:
        make_tree(here.source, TREE)
        card.resize(1024, read_only=True)
        here.sync("--no-marker")
        assert not (here.source / MARKER).exists()
        here.check_bucket()
        card.resize(1024)
        (here.source / "DCIM/100/a.jpg").unlink()
        card.resize(1024, read_only=True)
        assert here.sync("--delete")["actions"]["trashed"] == 1
        with_another_card(here)
        here.let_settle()
        assert here.sync()["changes"]["unchanged"] == 2
        here.check_bucket()


def with_another_card(here: Machine) -> None:
    """Mounted over the first, with the same folders: exit 6, and nothing is touched."""
    objects, manifest = here.objects(), here.manifest.read_bytes()
    mount("-t", "tmpfs", "-o", "size=1024k", "tmpfs", str(here.source))
    try:
        make_tree(here.source, TREE)
        for flags in ((), ("--no-marker", "--delete", "--max-delete", "100%")):
            refused = here.run("sync", *flags)
            assert refused.code == 6, refused
            assert "it is on another file system" in refused.error_line
            assert "--accept-source" in refused.error_line
    finally:
        subprocess.run(["umount", "-l", str(here.source)], check=True)
    assert here.objects() == objects
    assert here.manifest.read_bytes() == manifest


def test_an_8_bit_locale_finds_the_same_names(seaweed: S3Server, machine: Make) -> None:
    here: Machine = machine(seaweed, {"Éléonore": {"写真.nef": b"raw"}, "plain.jpg": b"jpg"})
    here.sync()
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    there = replace(here, environment=old)
    (here.source / "Éléonore/größe.jpg").write_bytes(b"new")
    summary, _ = there.sync_watching_imports()  # a process of its own: how names are read is settled at its start
    assert (summary["changes"]["missing"], summary["actions"]["failed"], summary["actions"]["uploaded"]) == (0, 0, 1)
    here.check_bucket()
    here.let_settle()
    here.sync()
    quiet, _ = there.sync_watching_imports()
    assert quiet["s3_requests"]["total"] == 0
