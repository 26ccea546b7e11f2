"""`lrsync catalog audit`, `list`, `restore`: parse, call, render, exit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

if TYPE_CHECKING:
    from lrsync.core.events import EventSink
    from lrsync.core.lightroom import RootMapping
    from lrsync.core.requests import AuditRequest

T = TypeVar("T")

# As `core.audit.FileState` has them; written out, since the help must not import the core. A test compares the two.
STATES: Final = (
    "safe",
    "pending",
    "changed",
    "missing",
    "restorable",
    "outside",
    "unmounted",
    "placeholder",
    "not-in-catalog",
    "vanished",
)


_AUDIT_EXAMPLES: Final = examples(
    ("lrsync catalog audit", "the catalog in the source"),
    (
        "lrsync catalog audit ~/Main.lrcat --map-root D:/Photos=/mnt/photos",
        "one that was made on another computer",
    ),
    ("lrsync catalog audit --list missing --list pending", "name what is not safe"),
)
_LIST_EXAMPLES: Final = examples(
    ("lrsync catalog list", "all that is kept"),
)
_RESTORE_EXAMPLES: Final = examples(
    ("lrsync catalog restore --to ~/Desktop/back", "the newest snapshot of the only catalog"),
    ("lrsync catalog restore Main.lrcat --snapshot 20260301 --to ~/Desktop/back", "one of a certain day"),
)


@click.group()
def catalog() -> None:
    """Lightroom catalogs: is every photo safe, and the snapshots that sync keeps of them."""


@catalog.command(epilog=_AUDIT_EXAMPLES)
@click.argument("file", default="", metavar="[FILE.lrcat]")
@click.option(
    "--map-root",
    "map_root",
    multiple=True,
    metavar="OLD=NEW",
    help="A folder as the catalog spells it, and where it is on this machine.",
)
@click.option(
    "--list",
    "listed",
    multiple=True,
    type=click.Choice(STATES),
    metavar="STATE",
    help=f"Name every file of this state: {', '.join(STATES)}.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Those files as CSV on stdout; all of them without --list.")
@click.option("--catalog-wait", metavar="TIME", help="How long to wait for Lightroom to pause: 30s, 5m. [default: 1m]")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="As sync leaves it out.")
@click.option("--include", multiple=True, metavar="PATTERN", help="As sync brings it back.")
@place_options
@json_option
def audit(file: str, map_root: tuple[str, ...], listed: tuple[str, ...], as_csv: bool, **flags: Any) -> int:
    """Account for every photo and sidecar that the catalog names.

    Reads a copy of the catalog, the disk and the manifest, and no network. Without FILE: the catalog in the source.
    Ends with 0 only when every file is safe; with 3 when a backup is due, with 4 when something needs a person.
    """
    config = load_config(flags, required=() if flags["manifest"] else ("source_path", "s3_bucket"))

    from lrsync import app
    from lrsync.errors import UsageError

    if as_csv and flags["as_json"]:
        raise UsageError("--csv and --json do not go together", hint="choose one")
    request = _request(file, map_root, listed, config.catalog_wait_s, everything=as_csv and not listed)
    report = _watched(flags, lambda sink, stop: app.audit_catalog(config, sink, stop, request))

    from lrsync.ui import catalog_view

    if as_csv:
        return catalog_view.show_csv(report)
    return catalog_view.show_audit(config.library, report, as_json=flags["as_json"], listed=bool(listed))


@catalog.command("list", epilog=_LIST_EXAMPLES)
@click.argument("name", default="", metavar="[CATALOG]")
@place_options
@json_option
def list_(name: str, **flags: Any) -> int:
    """List the snapshots in the bucket: of all catalogs, or of CATALOG (its file name or path).

    Only the bucket is read: it works on a new computer, too.
    """
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app

    found = _watched(flags, lambda sink, stop: app.list_catalogs(config, sink, stop, name))

    from lrsync.ui import catalog_view

    return catalog_view.show_snapshots(config.library, found, as_json=flags["as_json"])


@catalog.command(epilog=_RESTORE_EXAMPLES)
@click.argument("name", default="", metavar="[CATALOG]")
@click.option("--to", metavar="DIR", required=True, help="Into this folder, which may be new; nothing is replaced.")
@click.option("--snapshot", "stamp", default="", metavar="TIME", help="As 'catalog list' shows it. [default: newest]")
@place_options
@json_option
def restore(name: str, to: str, stamp: str, **flags: Any) -> int:
    """Bring a catalog back from a snapshot, with its data folder, checked.

    CATALOG may be left out where only one has snapshots. TIME may be its beginning: 20260301.
    """
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app
    from lrsync.config import parse_path

    folder = parse_path(to)
    done = _watched(flags, lambda sink, stop: app.restore_catalog(config, sink, stop, name, stamp, folder))

    from lrsync.ui import catalog_view

    return catalog_view.show_restored(config.library, done, as_json=flags["as_json"])


def _request(
    file: str, map_root: tuple[str, ...], listed: tuple[str, ...], wait_s: float, *, everything: bool
) -> AuditRequest:
    from lrsync.config import parse_path
    from lrsync.core.audit import FileState
    from lrsync.core.requests import AuditRequest

    return AuditRequest(
        catalog=str(parse_path(file)) if file else None,
        mappings=tuple(one._replace(new=str(parse_path(one.new))) for one in parse_mappings(map_root)),
        listed=frozenset(FileState) if everything else frozenset(FileState(state) for state in listed),
        wait_s=wait_s,
    )


def parse_mappings(texts: tuple[str, ...]) -> tuple[RootMapping, ...]:
    """What `--map-root` was given. Raises UsageError."""
    from lrsync.core.lightroom import parse_mapping
    from lrsync.errors import UsageError

    try:
        return tuple(parse_mapping(text) for text in texts)
    except ValueError as problem:
        raise UsageError(f"--map-root: {problem}", hint="for example --map-root D:/Photos=/mnt/photos") from None


def _watched(flags: dict[str, Any], run: Callable[[EventSink, threading.Event], T]) -> T:
    """Run it with progress, and let Ctrl-C stop it."""
    from lrsync.ui.options import Talk
    from lrsync.ui.progress import choose
    from lrsync.ui.signals import StopSignals

    stop = threading.Event()
    with (
        choose(Talk(as_json=flags["as_json"])) as progress,
        StopSignals(stop, say=progress.say, restore=progress.restore),
    ):
        return run(progress.sink, stop)
