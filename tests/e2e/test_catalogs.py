"""Catalogs from end to end: a real one, one that is written to while it is backed up, and back onto a new computer."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.machine import Machine, Result, run, tree_facts
from tests.lightroom import writer
from tests.lightroom.generator import LR13, Photo, write_catalog
from tests.lightroom.test_copy import is_sound, writer_of, writing
from tests.stores.server import S3Server

HEAVY = {"boto3", "botocore", "sqlalchemy.orm", "alembic", "zstandard", "lrsync.engine.catalogs", "tarfile"}
FIRST, SECOND = "/Users/maxmouchet/Pictures/2013/", "/Users/maxmouchet/Dropbox/Photos/Exports Random/fb_vaasa/"


@pytest.fixture
def real_catalog(tmp_path: Path) -> Path:
    """A real Lightroom 5 catalog: four photos, two of them with XMP, in two root folders."""
    samples = os.environ.get("LRSYNC_SAMPLES_DIR")
    if samples is None:
        pytest.skip("LRSYNC_SAMPLES_DIR names no folder with real samples")
    return Path(shutil.copy(Path(samples) / "catalog-lr5.lrcat", tmp_path / "real.lrcat"))


def place_photos(catalog: Path, folders: dict[str, Path]) -> dict[str, Path]:
    """A file for everything that the catalog names, each RAW of its size at import; by the catalog's paths."""
    placed = {}
    query = (
        "SELECT r.absolutePath, d.pathFromRoot, f.idx_filename, f.importHash, f.sidecarExtensions FROM AgLibraryFile f "
        "JOIN AgLibraryFolder d ON d.id_local = f.folder JOIN AgLibraryRootFolder r ON r.id_local = d.rootFolder"
    )
    with closing(sqlite3.connect(catalog)) as connection:
        for root, below, name, imported, sidecars in connection.execute(query):
            files = {name: int(imported.rpartition(":")[2])}
            files |= {f"{name.rpartition('.')[0]}.{ext}": 500 for ext in (sidecars or "").split(",") if ext}
            for file, size in files.items():
                path = folders[root] / below / file
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as out:
                    out.write(file.encode())
                    out.truncate(size)
                placed[root + below + file] = path
    return placed


def test_the_real_catalog_names_exactly_what_is_wrong(
    moto_s3: S3Server, machine: Callable[..., Machine], real_catalog: Path
) -> None:
    here = machine(moto_s3, {})
    folders = {FIRST: here.source / "Pictures/2013", SECOND: here.source / "Exports"}
    placed = place_photos(real_catalog, folders)
    maps = [flag for root, folder in folders.items() for flag in ("--map-root", f"{root}={folder}")]
    (here.source / "stray.nef").write_bytes(b"II*\0 stray")
    here.run("sync")

    def audit(*flags: str) -> tuple[int, dict[str, object]]:
        command = [*here.command("catalog", "audit")[:4], "audit", str(real_catalog)]
        done = run([*command, *here.place(), *maps, "--json", *flags], here.variables(), here.home)
        return done.code, json.loads(done.out)

    every = [flag for state in ("missing", "changed", "restorable", "pending") for flag in ("--list", state)]
    code, found = audit(*every)
    assert (code, found["files"], found["photos"], found["sidecars"], found["list"]) == (0, 6, 4, 2, [])
    assert found["db_version"] == "0500006"
    assert found["states"] == {**dict.fromkeys(found["states"], 0), "safe": 6, "not-in-catalog": 1}  # type: ignore

    names = sorted(placed)
    removed, changed, hidden = (next(n for n in names if n.endswith(end)) for end in ("67.NEF", "74.xmp", "3047.jpg"))
    placed[removed].unlink()
    placed[changed].write_bytes(b"edited")
    placed[hidden].rename(placed[hidden].with_name("renamed.jpg"))
    code, found = audit(*every)
    assert code == 3
    listed = {(file["state"], file["path"]) for file in found["list"]}  # type: ignore[attr-defined]
    assert listed == {("restorable", removed), ("changed", changed), ("restorable", hidden)}
    assert found["states"]["not-in-catalog"] == 2  # type: ignore[index]
    csv = run(
        [*here.command("catalog", "audit")[:4], "audit", str(real_catalog), *here.place(), *maps, "--csv"],
        here.variables(),
        here.home,
    )
    assert csv.out.splitlines()[0] == "state,kind,path,size,proven_at,note"
    assert len(csv.out.splitlines()) == 1 + 6 + 2
    human = run(
        [*here.command("catalog", "audit")[:4], "audit", str(real_catalog), *here.place(), *maps],
        here.variables(),
        here.home,
    )
    assert "3 of the 4 photos and 2 sidecars in this catalog are not safe." in human.out
    command = [*here.command("catalog", "audit")[:4], "audit", str(real_catalog), *here.place()]
    nowhere = run(command, here.variables(), here.home)
    assert "None of the 4 photos and 2 sidecars in this catalog is safe." in nowhere.out


def test_a_sync_beside_a_live_writer_gives_sound_snapshots_only(
    seaweed: S3Server, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    here = machine(seaweed, {"a.jpg": b"a"})
    catalog = here.source / "My.lrcat"
    write_catalog(catalog, {"/photos/": {"": ["a.nef"]}}, LR13)
    with closing(sqlite3.connect(catalog)) as connection:
        writer.prepare(connection)
        connection.commit()
    with writing(*writer_of(catalog, ("WAL", "EXCLUSIVE"))):
        names = sorted(path.name for path in here.source.iterdir())
        for night in range(3):
            done = here.sync()
            # Between two nights that follow each other at once the writer may not have come to a commit.
            assert done["catalogs"]["snapshots"] in ((0, 1) if night else (1,)), done["catalogs"]
            assert done["catalogs"]["waiting"] == 0, done["catalogs"]
            copy = tmp_path / f"{night}.lrcat"
            copy.write_bytes(here.read("My.lrcat"))
            assert is_sound(copy)
    assert {path.name for path in here.source.iterdir()} - set(names) <= {".lrsync-library"}
    assert here.photos() == {"a.jpg", "My.lrcat"}


def test_a_quiet_night_with_a_catalog_stays_quiet(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, {"a.jpg": b"a"})
    catalog = write_catalog(here.source / "My.lrcat", {"/photos/": {"": ["a.nef"]}}, LR13, journal_mode="WAL")
    with closing(sqlite3.connect(catalog, isolation_level=None)) as connection:
        connection.execute("UPDATE Adobe_variablesTable SET value = value")
        here.let_settle()
        assert here.sync()["catalogs"]["snapshots"] == 1
        found, modules = here.sync_watching_imports()
        assert found["s3_requests"]["total"] == 0
        assert not HEAVY & modules
        before = tree_facts(here.source)
        verified = here.run("verify", "--local", "--remote", "--json")
        assert verified.code == 0
        assert verified.json["rotten"] == 0
        assert tree_facts(here.source) == before


def test_catalogs_outside_of_the_source_are_kept_and_cost_a_quiet_night_nothing(
    seaweed: S3Server, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    plain = machine(seaweed, {"2024": {"a.nef": b"raw a", "a.xmp": b"<a/>"}})
    catalogs = [tmp_path / "fast/My.lrcat", tmp_path / "old/My.lrcat"]
    for catalog in catalogs:
        root = {f"{plain.source}/": {"2024/": [Photo("a.nef", "xmp")]}}
        write_catalog(catalog, root, LR13, journal_mode="WAL", collections={catalog.parent.name: ["a.nef"]})
    here = replace(plain, environment={"LRSYNC_CATALOGS": "\n".join(map(str, catalogs))})
    here.let_settle()
    before = [tree_facts(catalog.parent) for catalog in catalogs]
    assert here.sync()["catalogs"] == {"changed": 2, "snapshots": 2, "waiting": 0}
    found, modules = here.sync_watching_imports()
    assert found["s3_requests"]["total"] == 0
    assert not HEAVY & modules
    assert [tree_facts(catalog.parent) for catalog in catalogs] == before
    assert here.photos() == {"2024/a.nef", "2024/a.xmp"}

    command = [*here.command("catalog")[:4], "audit", *here.place()]  # of two, one must be named
    audited = run(command, here.variables(), here.home)
    assert (audited.code, str(catalogs[1]) in audited.err) == (2, True), audited
    bucket = ["--s3-bucket", here.bucket, "--s3-prefix", here.prefix, "--endpoint-url", seaweed.endpoint]
    listed = run([*here.command("catalog")[:4], "list", *bucket, "--json"], here.variables(), here.home)
    assert {snapshot["catalog"] for snapshot in listed.json["snapshots"]} == set(map(str, catalogs))
    to = ["--to", str(tmp_path / "back")]
    back = run([*here.command("catalog")[:4], "restore", str(catalogs[0]), *bucket, *to], here.variables(), here.home)
    assert (back.code, (tmp_path / "back/My.lrcat").exists()) == (0, True), back
    photos = here.run("restore", "--collection", "old", "--catalog", str(catalogs[1]), "--to", str(tmp_path / "some"))
    assert (photos.code, (tmp_path / "some/2024/a.xmp").exists()) == (0, True), photos

    catalogs[0].unlink()
    gone = here.run("sync")
    assert (gone.code, "1 catalog is not backed up as of now; 2 are safe" in gone.out) == (4, True), gone
    assert here.run("status").code == 4
    alone = replace(plain, environment={"LRSYNC_CATALOGS": str(catalogs[1])})
    audited = run(command, alone.variables(), alone.home)
    assert (audited.code, "All 1 photo and 1 sidecar" in audited.out) == (0, True), audited
    assert alone.sync()["s3_requests"]["total"] == 0
    assert alone.run("status").code == 0


def test_it_comes_back_on_a_new_computer(seaweed: S3Server, machine: Callable[..., Machine], tmp_path: Path) -> None:
    here = machine(seaweed, {"a.jpg": b"a"})
    catalog = write_catalog(here.source / "cat/My.lrcat", {"/photos/": {"": ["a.nef", "b.nef"]}}, LR13)
    data = Path(f"{catalog}-data")
    (data / "deep").mkdir(parents=True)
    masks = {"deep/000001.sst": os.urandom(100_000), "CURRENT": b"MANIFEST-000001\n"}
    for path, content in masks.items():
        (data / path).write_bytes(content)
    (data / "LOCK").write_bytes(b"")
    here.sync()
    first = catalog.read_bytes()
    write_catalog(catalog, {"/photos/": {"": ["a.nef", "b.nef", "c.nef"]}}, LR13)
    here.sync()
    shutil.rmtree(here.source)
    shutil.rmtree(here.home / ".local")
    bucket = ["--s3-bucket", here.bucket, "--s3-prefix", here.prefix, "--endpoint-url", seaweed.endpoint]
    base = here.command("catalog")[:4]

    def catalogs(*args: str) -> tuple[int, str, str]:
        done = run([*base, *args, *bucket], here.variables(), here.home)
        return done.code, done.out, done.err

    code, out, _ = catalogs("list", "--json")
    snapshots = json.loads(out)["snapshots"]
    assert [(s["catalog"], s["photos"], s["db_version"]) for s in snapshots] == [
        ("cat/My.lrcat", 3, LR13.db),
        ("cat/My.lrcat", 2, LR13.db),
    ]
    code, out, err = catalogs("list", "Mine.lrcat")
    assert (code, out) == (2, "")
    assert "no snapshot of 'Mine.lrcat' is in the bucket. hint: there are of: cat/My.lrcat." in err
    to = tmp_path / "back"
    code, out, err = catalogs("restore", "My.lrcat", "--to", str(to), "--snapshot", snapshots[1]["snapshot"])
    assert (code, sorted(path.name for path in to.iterdir())) == (0, ["My.lrcat", "My.lrcat-data"]), err
    assert (to / "My.lrcat").read_bytes() == first
    assert {path: (to / "My.lrcat-data" / path).read_bytes() for path in masks} == masks
    assert not (to / "My.lrcat-data/LOCK").exists()
    code, _, err = catalogs("restore", "--to", str(to))
    assert code == 2
    assert "is there already" in err
    damaged = next(key for key in here.objects() if key.endswith("data.tar.zst") and snapshots[0]["snapshot"] in key)
    here.write(damaged, here.read(damaged)[:-20] + b"\0" * 20)
    code, _, err = catalogs("restore", "--to", str(tmp_path / "other"))
    assert code == 4
    assert "damaged" in err
    assert list((tmp_path / "other").iterdir()) == []


def test_a_collection_comes_back_after_the_disk_died(
    seaweed: S3Server, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    photos = {"2024": {"a.nef": b"raw a", "a.xmp": b"<a/>", "b.jpg": b"b"}, "2023": {"c.cr2": b"raw", "c.JPG": b"j"}}
    here = machine(seaweed, photos)
    folders = {
        "2024/": [Photo("a.nef", "xmp", rating=5), "b.jpg"],
        "2023/": [Photo("c.cr2", "JPG", copies=1), "lost.nef"],
    }
    collections = {"Trips/Iceland best": ["a.nef", "c.cr2/1"], "All": ["a.nef", "lost.nef"], "Five": None}
    write_catalog(here.source / "cat/My.lrcat", {"D:/My Photos/": folders}, LR13, collections=collections)
    here.sync()
    shutil.rmtree(here.source)
    shutil.rmtree(here.home / ".local")
    bucket = ["--s3-bucket", here.bucket, "--s3-prefix", here.prefix, "--endpoint-url", seaweed.endpoint]

    def restore(*args: str, to: str) -> Result:
        command = [*here.command("restore")[:4], *bucket, "--to", str(tmp_path / to), *args]
        return run(command, here.variables(), here.home)

    def files(folder: str) -> set[str]:
        return {path.relative_to(tmp_path / folder).as_posix() for path in (tmp_path / folder).rglob("*.*")}

    dry = restore("--collection", "iceland best", "--dry-run", "--json", to="dry")
    assert (dry.code, dry.json["restored"], dry.json["catalog"]["photos"]) == (0, 4, 2)
    done = restore("--collection", "Iceland best", to="back")
    assert done.code == 0, done
    assert "D:/My Photos is the backup's root, as most names agree; --map-root corrects it (2 photos)" in done.err
    assert files("back") == {"2024/a.nef", "2024/a.xmp", "2023/c.cr2", "2023/c.JPG"}
    assert (tmp_path / "back/2024/a.nef").read_bytes() == b"raw a"
    again = restore("--collection", "Iceland best", "--json", to="back")
    assert (again.code, again.json["restored"], again.json["intact"]) == (0, 0, 4)
    some = restore("--collection", "All", to="some")
    assert (some.code, files("some")) == (3, {"2024/a.nef", "2024/a.xmp"})
    assert "failed: 2023/lost.nef: is in the catalog, and not in the backup." in some.out
    for name, words in (("Iclend best", "did you mean 'Trips/Iceland best'?"), ("Five", "only Lightroom itself")):
        refused = restore("--collection", name, to="none")
        assert (refused.code, words in refused.err) == (2, True), refused
    assert not (tmp_path / "none").exists()


def test_photos_of_the_real_catalog_by_their_time(
    moto_s3: S3Server, machine: Callable[..., Machine], real_catalog: Path, tmp_path: Path
) -> None:
    here = machine(moto_s3, {})
    place_photos(real_catalog, {FIRST: here.source / "2013", SECOND: here.source / "Exports Random/fb_vaasa"})
    shutil.copy(real_catalog, here.source / "real.lrcat")
    here.sync()
    to = tmp_path / "back"
    done = here.run("restore", "--captured", "2013-12", "--to", str(to), "--json")
    assert (done.code, done.json["catalog"]["photos"]) == (0, 2), done
    assert {root["folder"] for root in done.json["catalog"]["roots"]} <= {"", "2013", "Exports Random/fb_vaasa"}
    found = {path.relative_to(to).as_posix() for path in to.rglob("*.*")}
    assert len(found) == 2 + sum(name.endswith(".xmp") for name in found), found
    rule = here.run("restore", "--collection", "Five Stars", "--to", str(to))
    assert (rule.code, "smart collection" in rule.err) == (2, True), rule
