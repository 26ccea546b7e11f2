"""The config file: a library more, and every line that somebody wrote by hand still there."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest

from lrsync import settings
from lrsync.adapters.configfile import save_library
from lrsync.config import Config
from lrsync.errors import UsageError

ONE = {"source_path": "/photos", "s3_bucket": "bucket", "exclude": ["*.tmp"], "delete": True, "threads": 4}
BY_HAND = """\
# my own words
[libraries.default]   # the big one
source_path = '/photos'   # on the SSD
s3_bucket = "bucket"

[hooks]
email = "anna@example.com"   # only me
"""


def test_a_new_file_is_private_explained_and_right(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "config.toml"
    save_library(path, "default", ONE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tomllib.loads(path.read_text()) == {"libraries": {"default": ONE}}
    assert "# the folder with the photos" in path.read_text()
    assert settings.load({}, {}, config_file=path) == Config(
        source=Path("/photos"), bucket="bucket", exclude=("*.tmp",), delete=True, threads=4
    )
    assert list(path.parent.iterdir()) == [path]


def test_the_file_and_the_docs_name_every_key(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    save_library(path, "default", ONE)
    docs = Path(__file__).parents[2] / "docs" / "command-line.md"
    keys = {setting.name for setting in settings.SETTINGS if setting.in_file}
    for text in (path.read_text(), docs.read_text()):
        assert keys <= set(re.findall(r"\w+", text))


@pytest.mark.parametrize("name", ["nas", 'Anna\'s "NAS".x', "写真"])
def test_a_second_library_keeps_the_first_and_its_comments(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BY_HAND)
    save_library(path, name, ONE)
    text = path.read_text()
    assert all(line in text for line in BY_HAND.splitlines())
    found = tomllib.loads(text)
    assert list(found["libraries"]) == ["default", name]
    assert found["libraries"][name] == ONE
    assert found["hooks"] == {"email": "anna@example.com"}
    save_library(path, "third", ONE)
    assert set(tomllib.loads(path.read_text())["libraries"]) == {"default", name, "third"}


def test_an_update_changes_only_what_is_given(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BY_HAND)
    save_library(path, "default", {"s3_bucket": "other", "region": "eu-central-1"})
    text = path.read_text()
    assert tomllib.loads(text)["libraries"]["default"] == {
        "source_path": "/photos",
        "s3_bucket": "other",
        "region": "eu-central-1",
    }
    assert "# on the SSD" in text and "# my own words" in text


def test_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text(BY_HAND)
    link.symlink_to(real)
    save_library(link, "nas", ONE)
    assert link.is_symlink()
    assert "nas" in tomllib.loads(real.read_text())["libraries"]


def test_a_broken_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[libraries.default\n")
    with pytest.raises(UsageError, match="cannot be read"):
        save_library(path, "nas", ONE)
    assert path.read_text() == "[libraries.default\n"


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be"):
        save_library(tmp_path / "file" / "config.toml", "nas", ONE)
    assert os.listdir(tmp_path) == ["file"]
