"""The walk over real folders: everything once, nothing that is not there, and what cannot be read is unknown."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.oddity import Oddity, macos_oddity, windows_oddity
from lrsync.core.digest import directory_digest
from lrsync.core.keys import MARKER, join_path
from lrsync.core.scan import ScannedDir, ScannedFile, Stat
from tests.trees import AWKWARD_NAMES, Tree, file_paths, make_tree, trees

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX thing")


def tree_of(root: Path, exclude: tuple[str, ...] = (), include: tuple[str, ...] = ()) -> LocalTree:
    return LocalTree(root, IgnoreRules(exclude, include))


def walked(root: Path, exclude: tuple[str, ...] = ()) -> dict[str, ScannedDir]:
    return {folder.path: folder for folder in tree_of(root, exclude).walk()}


def found_paths(folders: dict[str, ScannedDir]) -> list[str]:
    return [join_path(folder.path, file.name) for folder in folders.values() for file in folder.files]


# --- what is there ----------------------------------------------------------------------------------------


def test_folders_come_in_preorder_and_names_ascending(tmp_path: Path) -> None:
    make_tree(tmp_path, {"b": {"y": {}, "x": {"f": b""}}, "a": {"2": b"", "10": b""}, "a b": {}, "f": b""})
    scanned = list(tree_of(tmp_path).walk())
    assert [folder.path for folder in scanned] == ["", "a", "a b", "b", "b/x", "b/y"]
    assert [file.name for file in scanned[1].files] == ["10", "2"]
    assert all(folder.complete and not folder.problems for folder in scanned)


def test_the_facts_are_the_inodes(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a.nef": b"12345"}, mtime_ns=1_600_000_000_123_456_789)
    (folder,) = tree_of(tmp_path).walk()
    found = (tmp_path / "a.nef").stat()
    assert folder.files == (ScannedFile("a.nef", 5, 1_600_000_000_123_456_789, found.st_ctime_ns),)
    assert type(folder.files[0]) is ScannedFile
    assert tree_of(tmp_path).stat("a.nef") == Stat(5, 1_600_000_000_123_456_789, found.st_ctime_ns)


@given(trees)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_every_file_is_found_once_and_reads_as_written(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    root = make_tree(tmp_path_factory.mktemp("tree"), tree)
    source = LocalTree(root, IgnoreRules(defaults=False))
    folders = {folder.path: folder for folder in source.walk()}
    assert sorted(found_paths(folders)) == sorted(file_paths(tree))
    for folder in folders.values():
        assert list(folder.files) == sorted(folder.files, key=lambda file: file.name)
        for file in folder.files:
            content = source.read(join_path(folder.path, file.name), hold_below=1000, part_size=16)
            assert content.data == (root / folder.path / file.name).read_bytes()
            assert tuple(content.stat) == file[1:]


@posix_only
def test_awkward_names_are_found_as_the_disk_spells_them(tmp_path: Path) -> None:
    make_tree(tmp_path, {"d": dict.fromkeys(AWKWARD_NAMES, b"x")})
    assert sorted(file.name for file in walked(tmp_path)["d"].files) == sorted(AWKWARD_NAMES)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems refuse such names")
def test_a_name_that_is_not_utf8_is_found_and_can_be_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.nef")).write_bytes(b"x")
    (folder,) = tree_of(tmp_path).walk()
    (file,) = folder.files
    assert os.fsencode(file.name) == b"caf\xe9.nef"
    assert tree_of(tmp_path).read(file.name, hold_below=10, part_size=10).data == b"x"
    assert len(directory_digest(b"", folder.columns)) == 16


def test_the_walk_is_the_same_twice_and_digests_tell_any_change(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a": {"x": b"1", "y": b"2"}, "b": {"z": b"3"}})
    before = list(tree_of(tmp_path).walk())
    assert list(tree_of(tmp_path).walk()) == before
    (tmp_path / "a" / "x").write_bytes(b"9")
    after = list(tree_of(tmp_path).walk())
    assert [f.path for f, g in zip(before, after, strict=True) if f != g] == ["a"]


def test_a_relative_root_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path, {"lib": {"a": b""}, "other": {}})
    monkeypatch.chdir(tmp_path)
    source = tree_of(Path("lib"))
    monkeypatch.chdir(tmp_path / "other")
    assert [file.name for folder in source.walk() for file in folder.files] == ["a"]
    assert source.stat("a") is not None


def test_a_root_that_is_a_link_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    make_tree(tmp_path / "lib", {"a": b""})
    (tmp_path / "link").symlink_to(tmp_path / "lib")
    assert found_paths(walked(tmp_path / "link")) == ["a"]


def test_only_the_roots_marker_is_no_file_of_the_library(tmp_path: Path) -> None:
    make_tree(tmp_path, {MARKER: b"", "sub": {MARKER: b""}, ".lrsync": {"x": b""}})
    folders = walked(tmp_path)
    assert sorted(found_paths(folders)) == [".lrsync/x", f"sub/{MARKER}"]
    assert folders[""].excluded == 0


# --- what is left out -------------------------------------------------------------------------------------


def test_excluded_files_and_folders_are_counted_and_never_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(tmp_path, {"x.lrdata": {"deep": {"a": b""}}, "a.tmp": b"", "._a": b"", "a": b"", "@eaDir": {"t": b""}})
    (tmp_path / "Thumbs.db").symlink_to("a")
    (tmp_path / "x.lrdata").chmod(0)
    opened = _spy_on_scandir(monkeypatch)
    folders = walked(tmp_path, exclude=("*.lrdata", "*.tmp"))
    assert found_paths(folders) == ["a"]
    assert (folders[""].excluded, folders[""].special, folders[""].complete) == (5, 0, True)
    assert len(opened) == 1


def _spy_on_scandir(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    opened: list[object] = []
    real = os.scandir

    def spy(folder: int) -> object:
        opened.append(folder)
        return real(folder)

    monkeypatch.setattr(os, "scandir", spy)
    return opened


def test_is_excluded_agrees_with_the_walk(tmp_path: Path) -> None:
    tree: Tree = {
        "a.jpg": b"",
        "raw": {"a.nef": b"", "b.jpg": b"", "@eaDir": {"a.nef": b""}},
        "x.lrdata": {"a.nef": b""},
    }
    make_tree(tmp_path, tree)
    source = tree_of(tmp_path, ("*", "*.lrdata"), ("*.nef",))
    found = [join_path(folder.path, file.name) for folder in source.walk() for file in folder.files]
    assert found == ["raw/a.nef"]
    assert [path for path in file_paths(tree) if not source.is_excluded(path)] == found


# --- what is no file --------------------------------------------------------------------------------------


@posix_only
def test_links_sockets_fifos_and_devices_are_counted_and_never_opened(tmp_path: Path) -> None:
    make_tree(tmp_path, {"d": {"a": b""}, "elsewhere": {}})
    special = tmp_path / "d"
    (special / "broken").symlink_to("nowhere")
    (special / "loop").symlink_to("loop")
    (special / "up").symlink_to("..")
    (special / "to-file").symlink_to("a")
    os.mkfifo(special / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(special / "socket"))
    count = 6
    if os.geteuid() == 0:
        os.mknod(special / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        count += 1
    folder = walked(tmp_path)["d"]
    assert [file.name for file in folder.files] == ["a"]
    assert (folder.special, folder.complete, folder.problems) == (count, True, ())
    assert tree_of(tmp_path).stat("d/fifo") is None
    assert tree_of(tmp_path).stat("d/to-file") is None
    assert tree_of(tmp_path).stat("d/none") is None
    assert tree_of(tmp_path).stat("d/a/below-a-file") is None


def test_placeholders_are_never_opened_and_never_missing(tmp_path: Path) -> None:
    make_tree(tmp_path, {"d": {"here.nef": b"1", "cloud.nef": b"22"}, "clouds": {"x": b"1"}, "junction": {"x": b"1"}})
    clouds, junction = ((tmp_path / name).stat().st_ino for name in ("clouds", "junction"))
    folders = {clouds: Oddity.PLACEHOLDER, junction: Oddity.LINK}

    def odd(found: os.stat_result) -> Oddity | None:
        return Oddity.PLACEHOLDER if found.st_size == 2 else folders.get(found.st_ino)

    source = LocalTree(tmp_path, IgnoreRules(), oddity=odd)
    scanned = {folder.path: folder for folder in source.walk()}
    assert list(scanned) == ["", "d"]
    assert (scanned[""].special, scanned[""].complete) == (2, False)
    assert (scanned["d"].special, scanned["d"].complete, scanned["d"].problems) == (1, False, ())
    assert [file.name for file in scanned["d"].files] == ["here.nef"]
    assert source.read("d/here.nef", hold_below=10, part_size=10).data == b"1"
    with pytest.raises(OSError, match="online-only"):
        source.read("d/cloud.nef", hold_below=10, part_size=10)
    with pytest.raises(OSError, match="online-only"):
        source.read_part("d/cloud.nef", 0, 1)


@pytest.mark.parametrize(
    ("test", "facts", "oddity"),
    [
        (windows_oddity, {"st_file_attributes": 0x20}, None),
        (windows_oddity, {"st_file_attributes": 0x1000}, Oddity.PLACEHOLDER),
        (windows_oddity, {"st_file_attributes": 0x40000}, Oddity.PLACEHOLDER),
        (windows_oddity, {"st_file_attributes": 0x400000}, Oddity.PLACEHOLDER),
        # IO_REPARSE_TAG_MOUNT_POINT, _SYMLINK, and OneDrive's _CLOUD_6
        (windows_oddity, {"st_file_attributes": 0x410, "st_reparse_tag": 0xA0000003}, Oddity.LINK),
        (windows_oddity, {"st_file_attributes": 0x400, "st_reparse_tag": 0xA000000C}, Oddity.LINK),
        (windows_oddity, {"st_file_attributes": 0x410, "st_reparse_tag": 0x9000601A}, None),
        (macos_oddity, {"st_flags": 0}, None),
        (macos_oddity, {"st_flags": 0x40000040}, Oddity.PLACEHOLDER),
        (macos_oddity, {}, None),
        (windows_oddity, {}, None),
    ],
)
def test_what_other_systems_say_of_a_file(
    test: Callable[[object], Oddity | None], facts: dict[str, int], oddity: Oddity | None
) -> None:
    assert test(SimpleNamespace(**facts)) is oddity


# --- what cannot be read ----------------------------------------------------------------------------------


def _failing_open(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    real = os.open

    def fail(path: object, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if isinstance(path, str) and path.endswith(name):
            raise OSError(code, os.strerror(code), path)
        return real(path, flags, mode, dir_fd=dir_fd)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", fail)
    monkeypatch.setattr("lrsync.adapters.longpath.CAN_STEP", True)


@posix_only
@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EPERM, errno.ESTALE])
def test_an_unreadable_folder_is_incomplete_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    make_tree(tmp_path, {"a": {"x": b""}, "b": {"c": {"y": b""}}, "d": {"z": b""}})
    _failing_open(monkeypatch, "b", code)
    folders = walked(tmp_path)
    assert list(folders) == ["", "a", "b", "d"]
    assert [path for path, folder in folders.items() if not folder.complete] == ["b"]
    (problem,) = folders["b"].problems
    assert (problem.path, problem.message) == ("b", os.strerror(code))
    assert problem.hint


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user to be refused")
def test_a_real_refusal_to_another_user(tmp_path: Path) -> None:
    make_tree(tmp_path, {"open": {"x": b""}, "closed": {"y": b""}, "secret.nef": b"s"})
    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "secret.nef").chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/") and "pytest" in str(folder):
            folder.chmod(0o755)
    code = """
import os, sys
from pathlib import Path
from lrsync.adapters import reader  # while this user may still read the program
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
os.setuid(65534)
source = LocalTree(Path(sys.argv[1]), IgnoreRules())
for d in source.walk():
    print(d.path, d.complete, [f.name for f in d.files], [p.message for p in d.problems])
try:
    source.read("secret.nef", hold_below=10, part_size=10)
except PermissionError as error:
    print(error.strerror)
"""
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == [
        " True ['secret.nef'] []",
        "closed False [] ['Permission denied']",
        "open True ['x'] []",
        "Permission denied",
    ], ran.stderr


class _Entries:
    """What os.scandir gives, with somebody in between."""

    def __init__(self, real: Iterator[os.DirEntry[str]], change: Callable[[os.DirEntry[str]], object]) -> None:
        self._real = real
        self._change = change

    def __enter__(self) -> Iterator[object]:
        return (self._change(entry) for entry in self._real)

    def __exit__(self, *_: object) -> None:
        self._real.close()  # type: ignore[attr-defined]


def _changed_entries(monkeypatch: pytest.MonkeyPatch, change: Callable[[os.DirEntry[str]], object]) -> None:
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: _Entries(real(folder), change))


@pytest.mark.parametrize(("code", "complete"), [(errno.ENOENT, True), (errno.EIO, False), (errno.EACCES, False)])
def test_a_file_that_has_just_gone_is_no_problem_and_one_without_a_stat_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, complete: bool
) -> None:
    make_tree(tmp_path, {"a": b"", "bad": b"", "c": b""})

    def fail(**_: object) -> None:
        raise OSError(code, os.strerror(code))

    def change(entry: os.DirEntry[str]) -> object:
        return SimpleNamespace(name="bad", is_file=entry.is_file, stat=fail) if entry.name == "bad" else entry

    _changed_entries(monkeypatch, change)
    (folder,) = tree_of(tmp_path).walk()
    assert [file.name for file in folder.files] == ["a", "c"]
    assert folder.complete is complete
    assert [problem.path for problem in folder.problems] == ([] if complete else ["bad"])


def test_a_listing_that_breaks_off_is_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path, {"d": {"a": b"", "b": b"", "c": b""}})
    seen: list[str] = []

    def change(entry: os.DirEntry[str]) -> object:
        seen.append(entry.name)
        if len(seen) == 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return entry

    _changed_entries(monkeypatch, change)
    folder = walked(tmp_path)["d"]
    assert [file.name for file in folder.files] == [seen[1]]
    assert not folder.complete
    assert [problem.path for problem in folder.problems] == ["d"]


def test_a_name_that_is_listed_twice_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree(tmp_path, {"a": b"", "b": b""})
    first: list[os.DirEntry[str]] = []

    def change(entry: os.DirEntry[str]) -> object:
        first.append(entry)
        return first[0]

    _changed_entries(monkeypatch, change)
    (folder,) = tree_of(tmp_path).walk()
    assert [file.name for file in folder.files] == [first[0].name]


def test_a_folder_that_was_renamed_during_the_walk_is_unknown_not_missing(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a": {"x": b""}, "b": {"y": b""}})
    walk = tree_of(tmp_path).walk()
    assert next(walk).path == ""
    (tmp_path / "b").rename(tmp_path / "0")
    rest = list(walk)
    assert [(folder.path, folder.complete, folder.problems) for folder in rest] == [("a", True, ()), ("b", False, ())]


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    make_tree(tmp_path / "lib", {"a": {"x": b""}, "b": {"y": b""}})
    make_tree(tmp_path / "elsewhere", {"private": b""})
    walk = tree_of(tmp_path / "lib").walk()
    next(walk)
    (tmp_path / "lib" / "b").rename(tmp_path / "old")
    (tmp_path / "lib" / "b").symlink_to(tmp_path / "elsewhere")
    (_, swapped) = walk
    assert (swapped.path, swapped.files, swapped.complete) == ("b", (), False)


def test_a_root_that_vanishes_leaves_nothing_missing_and_is_said_once(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "lib", {name: {"x": b""} for name in "abc"})
    walk = tree_of(root).walk()
    assert next(walk).complete
    for name in "abc":
        (root / name / "x").unlink()
        (root / name).rmdir()
    root.rmdir()
    root.mkdir()  # the empty mount point
    rest = list(walk)
    assert [(folder.path, folder.complete) for folder in rest] == [("a", False), ("b", False), ("c", False)]
    assert [problem.message for folder in rest for problem in folder.problems] == ["the source folder is gone"]


@posix_only
def test_another_drive_in_the_place_of_the_first_is_not_read(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "lib", {"a": {"x": b""}, "b": {}})
    walk = tree_of(root).walk()
    next(walk)
    root.rename(tmp_path / "unplugged")
    make_tree(root, {"a": {"other": b""}})
    assert [[file.name for file in folder.files] for folder in walk] == [["x"], []]


def test_a_root_that_is_not_there_is_one_incomplete_folder(tmp_path: Path) -> None:
    (folder,) = tree_of(tmp_path / "none").walk()
    assert (folder.path, folder.complete, folder.files) == ("", False, ())
    assert [problem.message for problem in folder.problems] == ["the source folder is gone"]


# --- the shape of the tree --------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize(("levels", "length"), [(60, 255), (1500, 1)])
def test_a_tree_deeper_than_the_longest_path(tmp_path: Path, levels: int, length: int) -> None:
    name = "d" * length
    _make_deep(tmp_path, name, levels)
    try:
        source = tree_of(tmp_path)
        scanned = list(source.walk())
        assert len(scanned) == levels + 1
        assert [file.name for file in scanned[-1].files] == ["leaf"]
        path = join_path(scanned[-1].path, "leaf")
        assert source.read(path, hold_below=10, part_size=10).data == b"leaf"
        assert source.read_part(path, 1, 2) == b"ea"
        assert source.stat(path) == source.read(path, hold_below=0, part_size=10).stat
        assert source.stat(path + "x") is None
    finally:
        # shutil.rmtree recurses, and gives up on such a tree.
        subprocess.run(["rm", "-rf", str(tmp_path / name)], check=True)


def _make_deep(root: Path, name: str, levels: int) -> None:
    at = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=at)
        deeper = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    leaf = os.open("leaf", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(leaf, b"leaf")
    os.close(leaf)
    os.close(at)


def test_a_folder_that_contains_itself_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a bind mount of a parent does; mounting needs rights that a test has not.
    make_tree(tmp_path, {"a": {"x": b"", "again": {"deeper": {"y": b""}}}})
    real, again, top = os.stat, (tmp_path / "a" / "again").stat().st_ino, tmp_path.stat()

    def looped(path: object, *args: object, **options: object) -> os.stat_result:
        found = real(path, *args, **options)  # type: ignore[arg-type]
        return top if found.st_ino == again else found

    monkeypatch.setattr(os, "stat", looped)
    folders = walked(tmp_path)
    assert list(folders) == ["", "a", "a/again"]
    assert not folders["a/again"].complete
    assert "inside itself" in folders["a/again"].problems[0].message


def test_a_large_folder(tmp_path: Path) -> None:
    for number in range(5_000):
        os.close(os.open(tmp_path / f"IMG_{number:06}.CR3", os.O_CREAT | os.O_WRONLY))
    (folder,) = tree_of(tmp_path).walk()
    assert len(folder.files) == 5_000
    assert [file.name for file in folder.files] == sorted(file.name for file in folder.files)


@posix_only
def test_the_walk_closes_what_it_opens_even_when_it_is_given_up(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a": {"b": {"c": b""}}})
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    walk = tree_of(tmp_path).walk()
    next(walk)
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    list(tree_of(tmp_path).walk())
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before


# --- names that become one key ----------------------------------------------------------------------------

NFC, NFD = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
two_spellings = pytest.mark.skipif(sys.platform == "darwin", reason="APFS takes both spellings for one name")


@two_spellings
def test_two_spellings_of_a_name_in_one_folder_collide(tmp_path: Path) -> None:
    make_tree(tmp_path, {f"{NFC}.jpg": b"1", f"{NFD}.jpg": b"2", f"{NFD}.nef": b"3", "e.jpg": b"4"})
    assert walked(tmp_path)[""].colliding == {f"{NFC}.jpg", f"{NFD}.jpg"}


@two_spellings
def test_in_two_spellings_of_a_folder_only_the_files_in_both_collide(tmp_path: Path) -> None:
    make_tree(
        tmp_path,
        {
            NFC: {"a": b"", "b": b"", "sub": {"x": b"", "y": b""}, f"{NFD}s": {"p": b""}, "only": {"q": b""}},
            NFD: {"a": b"", "c": b"", "sub": {"x": b"", "z": b""}, f"{NFC}s": {"p": b""}, ".DS_Store": b""},
            "plain": {"a": b"", "sub": {"x": b""}},
        },
    )
    colliding = {path: folder.colliding for path, folder in walked(tmp_path).items() if folder.colliding}
    assert colliding == {
        NFC: {"a"},
        NFD: {"a"},
        f"{NFC}/sub": {"x"},
        f"{NFD}/sub": {"x"},
        f"{NFC}/{NFD}s": {"p"},
        f"{NFD}/{NFC}s": {"p"},
    }


@two_spellings
@given(trees)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_colliding_is_exactly_what_shares_a_key(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    root = make_tree(tmp_path_factory.mktemp("tree"), {NFC: tree, NFD: tree, "x": tree})
    folders = {folder.path: folder for folder in LocalTree(root, IgnoreRules(defaults=False)).walk()}
    keys = [unicodedata.normalize("NFC", path) for path in found_paths(folders)]
    for folder in folders.values():
        for file in folder.files:
            key = unicodedata.normalize("NFC", join_path(folder.path, file.name))
            assert (file.name in folder.colliding) == (keys.count(key) > 1)
