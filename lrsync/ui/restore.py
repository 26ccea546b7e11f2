"""`lrsync restore`: parse, ask, run, show."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import examples, load_config, naming, place_options, speed_options, talk_of, talk_options

if TYPE_CHECKING:
    from lrsync.core.filetypes import TypeFilter
    from lrsync.core.photos import PhotoWish
    from lrsync.core.requests import RestoreRequest
    from lrsync.core.thaw import ThawWish
    from lrsync.ui.progress import Progress

_POLICIES: Final = ("never", "if-changed", "if-newer", "always")
_SOURCES: Final = ("auto", "manifest", "snapshot", "listing")

_EXAMPLES: Final = examples(
    ("lrsync restore --to /Volumes/New/Pictures", "everything, to a new drive"),
    ("lrsync restore 'IMG_12*.CR3' --folder 2024/Iceland --to ~/Desktop/back", "a few files of a folder"),
    ("lrsync restore --in-place", "what is missing or went bad, to its place"),
    ("lrsync restore --folder 2024 --at 2024-03-01 --to ~/Desktop/then", "a folder as it was at the end of that day"),
)


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--to", metavar="DIR", help="Into this folder, which may be new.")
@click.option("--in-place", is_flag=True, help="Back to where the files belong: what is missing, and what went bad.")
@click.option("--folder", "folders", multiple=True, metavar="DIR", help="This folder of the library, as 2024/Iceland.")
@click.option("--since", metavar="TIME", help="Files last changed then or later: 2024-03-01, 2024-03-01T18:30, 30d.")
@click.option("--until", metavar="TIME", help="Files last changed before; a date has all of its day.")
@click.option(
    "--type", "types", metavar="LIST", help="raw, video, original, sidecar, catalog, ... or extensions: xmp,jpg."
)
@click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME",
    help="Photos of this Lightroom collection: 'Iceland best', or with the sets above it 'Trips/Iceland best'.",
)
@click.option("--rating", "stars", metavar="STARS", help="Photos with so many stars: 4+, 3, 2-4.")
@click.option(
    "--captured", metavar="TIME", help="Photos taken then: 2024-05, 2024-05..2024-06, 2024-05.. (years, months, days)."
)
@click.option("--pick", "picked", is_flag=True, help="Photos that are flagged as picked.")
@click.option("--catalog", metavar="NAME", default="", help="The catalog that says so, where several have snapshots.")
@click.option(
    "--catalog-snapshot", "stamp", metavar="TIME", default="", help="Its snapshot of then. [default: the newest]"
)
@click.option(
    "--map-root",
    "map_root",
    multiple=True,
    metavar="OLD=NEW",
    help="A folder as the catalog spells it, and which one of the backup it is: D:/Photos=2013.",
)
@click.option("--files-from", metavar="FILE", help="The paths in this file, one a line; - is stdin.")
@click.option("--null", is_flag=True, help="The lines of --files-from end with NUL, as find -print0 writes them.")
@click.option("--no-sidecars", is_flag=True, help="Do not bring a RAW's .xmp, .acr and JPEG as well.")
@click.option(
    "--overwrite", type=click.Choice(_POLICIES), default="never", show_default=True, help="Which files to replace."
)
@click.option(
    "--from",
    "knowledge",
    type=click.Choice(_SOURCES),
    default="auto",
    show_default=True,
    help="What tells which files there are: this machine's manifest, or the bucket alone.",
)
@click.option("--at", metavar="TIME", help="As it was then: 2024-03-01 (the end of that day), 2024-03-01T18:30, 30d.")
@click.option(
    "--thaw",
    type=click.Choice(("auto", "bulk", "standard", "expedited", "none")),
    default="auto",
    show_default=True,
    help="How fast archived objects are brought back; auto is the cheapest within 12 hours.",
)
@click.option("--thaw-days", metavar="N", default="7", show_default=True, help="How long a thawed copy stays.")
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
@click.option("--status", "only_status", is_flag=True, help="Say what was asked to be thawed, and when to come back.")
@click.option("--dry-run", is_flag=True, default=None, help="Say what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before everything is restored.")
@place_options
@speed_options
@talk_options
def restore(to: str | None, in_place: bool, yes: bool, only_status: bool, **flags: Any) -> int:
    """Bring files back from the bucket: all of them, or what is named.

    A PATH is a file, a folder, or a pattern in quotes as in .gitignore ('*.nef', '2024/**'). Names add up; --since,
    --until and --type narrow them down. A RAW brings its sidecars and the JPEG of the pair.

    --collection, --rating, --captured and --pick narrow down as well: by what the newest snapshot of the Lightroom
    catalog in the bucket says. Several collections add up.

    With --at the library comes back as it was; 'lrsync history FILE' shows what there is of a file. Archived objects
    are asked for first, which takes hours: the run says when to come back, and the same command goes on then.

    Where this machine has no manifest, the bucket alone is enough: give --s3-bucket, --s3-prefix and --to.

    A file takes its name only when all its bytes came and are the recorded ones. Stopped, the same command goes on.
    """
    from lrsync.errors import UsageError

    if only_status:
        return _status(flags)
    if in_place and to is not None:
        raise UsageError("--in-place and --to do not go together", hint="choose one")
    if not in_place and to is None:
        raise UsageError("say where to restore to", hint="give --in-place, or --to and a folder")
    config = load_config(flags, required=("source_path", "s3_bucket") if in_place else ("s3_bucket",))

    from lrsync import app
    from lrsync.config import parse_path
    from lrsync.core.runs import RunKind
    from lrsync.ui import output
    from lrsync.ui.restore_plan import Manner, confirm_restore
    from lrsync.ui.running import run
    from lrsync.ui.text import local_second

    request = _request(flags, None if to is None else str(parse_path(to)))
    talk = talk_of(flags)
    displays: list[Progress] = []
    silent = talk.as_json or talk.quiet
    if request.at_ns is not None and not silent:
        output.note(f"The library as it was on {local_second(request.at_ns)}.")
    manner = Manner(tells=not silent, asks=not (silent or yes or config.dry_run), is_everything=_is_everything(request))
    confirm = partial(confirm_restore, displays, manner=manner, wish=request.thaw)
    runner = partial(app.run_restore, request=request, confirm=confirm)
    return run(RunKind.RESTORE, config, talk, runner, shown=displays.append)


def _request(flags: dict[str, Any], to: str | None) -> RestoreRequest:
    from lrsync.core.moments import parse_moment
    from lrsync.core.requests import Knowledge, RestoreRequest
    from lrsync.core.restoring import Overwrite

    since, until, now_ns = flags["since"], flags["until"], time.time_ns()
    with naming("--since"):
        since_ns = None if since is None else parse_moment(since, now_ns)
    with naming("--until"):
        until_ns = None if until is None else parse_moment(until, now_ns, end=True)
    return RestoreRequest(
        paths=flags["paths"],
        to=to,
        folders=flags["folders"],
        listed=_lines(flags["files_from"], null=flags["null"]),
        since_ns=since_ns,
        until_ns=until_ns,
        types=_types(flags["types"]),
        photos=_photos(flags),
        companions=not flags["no_sidecars"],
        overwrite=Overwrite(flags["overwrite"]),
        knowledge=Knowledge(flags["knowledge"]),
        at_ns=None if flags["at"] is None else _moment(flags["at"], now_ns),
        thaw=_wish(flags["thaw"], flags["thaw_days"]),
    )


def _photos(flags: dict[str, Any]) -> PhotoWish | None:
    """What a catalog is to be asked; None where nothing of it is. Raises UsageError."""
    from lrsync.errors import UsageError

    asked = ("collections", "stars", "captured", "picked")
    if not any(flags[name] for name in asked):
        for flag, name in (("--catalog", "catalog"), ("--catalog-snapshot", "stamp"), ("--map-root", "map_root")):
            if flags[name]:
                raise UsageError(
                    f"{flag} alone chooses no photos", hint="add --collection, --rating, --captured or --pick"
                )
        return None
    from lrsync.core.photos import PhotoWish, parse_captured, parse_stars
    from lrsync.ui.catalog import parse_mappings

    return PhotoWish(
        collections=flags["collections"],
        stars=None if flags["stars"] is None else parse_stars(flags["stars"]),
        captured=None if flags["captured"] is None else parse_captured(flags["captured"]),
        picked=flags["picked"],
        catalog=flags["catalog"],
        stamp=flags["stamp"],
        mappings=parse_mappings(flags["map_root"]),
    )


def _moment(text: str, now_ns: int) -> int:
    """The time to go back to: a date is the end of that day, so that it has all that was backed up on it."""
    from lrsync.core.moments import parse_moment
    from lrsync.errors import UsageError

    with naming("--at"):
        moment_ns = parse_moment(text, now_ns, end=True)
    if moment_ns > now_ns + 24 * 3_600_000_000_000:
        raise UsageError(f"'{text}' has not been yet", hint="leave out --at for the library as it is")
    return moment_ns


def _wish(tier: str, days: str) -> ThawWish | None:
    from lrsync.core.thaw import MOST_DAYS, ThawWish, Tier
    from lrsync.errors import UsageError

    if not (days.isascii() and days.isdigit() and len(days) < 6 and 1 <= int(days) <= MOST_DAYS):
        raise UsageError(f"'{days}' is not a number of days from 1 to {MOST_DAYS}", hint="write --thaw-days 7")
    if tier == "none":
        return None
    return ThawWish(None if tier == "auto" else Tier(tier), int(days))


def _status(flags: dict[str, Any]) -> int:
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app
    from lrsync.ui import thaw_view

    return thaw_view.show(thaw_view.status(config.library, app.thaw_status(config)), as_json=flags["as_json"])


def _types(text: str | None) -> TypeFilter | None:
    from lrsync.core.filetypes import parse_types
    from lrsync.errors import UsageError

    if text is None:
        return None
    try:
        return parse_types(text.split(","))
    except ValueError as problem:
        raise UsageError(f"--type: {problem}", hint="for example raw, video, sidecar or jpg,xmp") from problem


def _lines(name: str | None, *, null: bool) -> tuple[str, ...] | None:
    """The lines of a list of files. Raises UsageError."""
    from lrsync.errors import UsageError

    if name is None:
        if null:
            raise UsageError("--null goes with --files-from", hint="add --files-from FILE, or leave --null out")
        return None
    try:
        with click.open_file(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", hint="check --files-from") from None
    if not null and b"\0" in data:
        raise UsageError(f"the paths in {name} end with NUL", hint="add --null")
    text = data.decode("utf-8", "surrogateescape")
    lines = text.split("\0") if null else text.replace("\r\n", "\n").split("\n")
    return tuple(line for line in lines if line)


def _is_everything(request: RestoreRequest) -> bool:
    narrowed = (request.paths, request.folders, request.types, request.since_ns, request.until_ns, request.photos)
    return request.listed is None and not any(narrowed)
