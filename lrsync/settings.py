"""Gather the settings of a command: flags win over LRSYNC_* variables, which win over the config file.

Reads the environment and one TOML file, and writes nothing. AWS credentials are no setting: boto3 finds them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from lrsync.config import (
    Config,
    check_together,
    parse_batch_size,
    parse_bucket,
    parse_bwlimit,
    parse_catalog,
    parse_endpoint,
    parse_keep_catalogs,
    parse_max_delete,
    parse_name,
    parse_path,
    parse_period,
    parse_prefix,
    parse_settle,
    parse_sse,
    parse_storage_class,
    parse_threads,
    parse_transport,
    parse_wait,
)
from lrsync.errors import UsageError
from lrsync.hook_settings import build_hooks, parse_hooks
from lrsync.storage_settings import parse_storage

VARIABLE: Final = "LRSYNC_"
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


def parse_switch(text: str) -> bool:
    """A variable that is on or off. Raises UsageError."""
    word = text.strip().lower()
    if word not in _TRUE + _FALSE:
        raise UsageError(f"'{text}' is neither on nor off", hint="write 1 or 0")
    return word in _TRUE


def _parse_off(text: str) -> bool:
    return not parse_switch(text)


def _parse_patterns(text: str) -> tuple[str, ...]:
    # Only at line ends: a comma may be part of a folder's name, and half a pattern could exclude another folder.
    return tuple(line for line in text.splitlines() if line.strip())


def _parse_catalogs(text: str) -> tuple[Path, ...]:
    return tuple(parse_catalog(line) for line in _parse_patterns(text))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` is the flag's with underscores, `target` the field of Config, `types` what TOML may give.

    `item`: of a list, what one of its texts means. `option`: the flag, where it is called otherwise.
    """

    name: str
    target: str
    parse: Callable[[str], object]
    types: tuple[type, ...] = (str,)
    in_file: bool = True
    item: Callable[[str], object] = str
    option: str = ""

    @property
    def flag(self) -> str:
        """The flag, as the user types it."""
        return self.option or "--" + self.name.replace("_", "-")

    @property
    def is_path(self) -> bool:
        """Whether each of its texts is a path."""
        return self.parse is parse_path or self.item is parse_catalog

    @property
    def variable(self) -> str:
        """The environment variable."""
        return VARIABLE + self.name.upper()


SETTINGS: Final = (
    Setting("source_path", "source", parse_path),
    Setting("s3_bucket", "bucket", parse_bucket),
    Setting("s3_prefix", "prefix", parse_prefix),
    Setting("endpoint_url", "endpoint_url", parse_endpoint),
    Setting("region", "region", parse_name),
    Setting("profile", "profile", parse_name),
    Setting("threads", "threads", parse_threads, (int,)),
    Setting("batch_size", "batch_size", parse_batch_size, (int,)),
    Setting("exclude", "exclude", _parse_patterns, (list,)),
    Setting("include", "include", _parse_patterns, (list,)),
    Setting("no_default_excludes", "default_excludes", _parse_off, (bool,)),
    Setting("storage_class", "storage_class", parse_storage_class),
    Setting("sse", "sse", parse_sse),
    Setting("sse_kms_key_id", "sse_kms_key_id", parse_name),
    Setting("bwlimit", "bwlimit", parse_bwlimit, (str, int)),
    Setting("no_marker", "no_marker", parse_switch, (bool,)),
    Setting("transport", "transport", parse_transport),
    Setting("delete", "delete", parse_switch, (bool,)),
    Setting("max_delete", "max_delete", parse_max_delete, (str, int)),
    Setting("full_every", "full_every_s", parse_period),
    Setting("keep_catalogs", "keep_catalogs", parse_keep_catalogs, (int,)),
    Setting("catalog_wait", "catalog_wait_s", parse_wait),
    Setting("settle", "settle_s", parse_settle, (str, int)),
    Setting("catalogs", "catalogs", _parse_catalogs, (list,), item=parse_catalog, option="--catalog"),
    Setting("manifest", "manifest", parse_path),
    Setting("log_file", "log_file", parse_path),
    Setting("prices", "prices", parse_path),
    # Of one run: a forgotten `dry_run = true` in a file would be a backup that never happens.
    Setting("full", "full", parse_switch, (bool,), in_file=False),
    Setting("accept_mass_change", "accept_mass_change", parse_switch, (bool,), in_file=False),
    # In a file it would take whatever is mounted for the library, every night.
    Setting("accept_source", "accept_source", parse_switch, (bool,), in_file=False),
    Setting("dry_run", "dry_run", parse_switch, (bool,), in_file=False),
    # Not in a file either: a line that was written for one bad day would leave every night open.
    Setting("no_verify_ssl", "verify_ssl", _parse_off, (bool,), in_file=False),
)
_HOOKS: Final = "hooks"
_HOOKS_HINT: Final = "write [hooks], or [libraries.NAME.hooks], above its settings"
_STORAGE: Final = "storage"
_TABLES: Final = (_HOOKS, _STORAGE)
"""What stands in a library's table as a table of its own."""
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_TYPE_NAMES: Final[dict[type, str]] = {
    str: "text in quotes",
    int: "a whole number",
    bool: "true or false",
    list: "a list of texts in quotes",
}


@dataclass(frozen=True, slots=True)
class _Given:
    """A setting's value as somebody gave it, and where, in words that find the place."""

    value: object
    origin: str


class Explained(NamedTuple):
    """A setting that somebody gave: its value as they wrote it, and where."""

    name: str
    value: object
    origin: str


class _File(NamedTuple):
    """What a config file holds: tables by library, and the hooks of all of them."""

    libraries: dict[str, dict[str, object]]
    hooks: dict[str, object]


def default_config_file() -> Path:
    """Where the config file is unless somebody says otherwise."""
    import platformdirs

    return platformdirs.user_config_path("lrsync", appauthor=False) / "config.toml"


def load(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    library: str | None = None,
    config_file: Path | None = None,
    required: Iterable[str] = ("source_path", "s3_bucket"),
    may_be_new: bool = False,
) -> Config:
    """The config of one library. `flags` holds settings by name; None and () are flags that were not given.

    `required` names the settings that the command cannot do without; with `may_be_new` a given file need not be
    there. Raises UsageError.
    """
    path = config_file if config_file is not None else default_config_file()
    file = _read(path, must_exist=config_file is not None and not may_be_new)
    name = library or "default"
    given = _gather(flags, environ, file, path, name)
    _check_required(required, given, name=name, path=path, libraries=file.libraries)
    hooks = build_hooks(*(parse_hooks(table, place) for table, place in _hook_tables(file, path, name)))
    table = file.libraries.get(name, {}).get(_STORAGE)
    config = _build(name, given)
    if table is not None:
        config = replace(config, storage=parse_storage(table, f"in {path}, [libraries.{name}.storage]"))
    return replace(check_together(config), hooks=hooks)


def explain(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    library: str | None = None,
    config_file: Path | None = None,
) -> list[Explained]:
    """The settings that somebody gave, in the order of the flags, then the hooks. Raises UsageError."""
    path = config_file if config_file is not None else default_config_file()
    file = _read(path, must_exist=config_file is not None)
    name = library or "default"
    given = _gather(flags, environ, file, path, name)
    found = [Explained(key, given[key].value, given[key].origin) for key in _BY_NAME if key in given]
    hooks = {
        key: Explained(f"hooks.{key}", value, f"{key} {place}")
        for table, place in _hook_tables(file, path, name)
        for key, value in table.items()
    }
    return [*found, *_explained_storage(file, path, name), *hooks.values()]


def _explained_storage(file: _File, path: Path, name: str) -> list[Explained]:
    table = file.libraries.get(name, {}).get(_STORAGE, {})
    place = f"in {path}, [libraries.{name}.storage]"
    parse_storage(table, place)
    assert isinstance(table, dict)
    return [Explained(f"{_STORAGE}.{key}", value, f"{key} {place}") for key, value in table.items()]


def for_file(flags: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, object]:
    """What flags and variables give, as a config file holds it. They are known to be right: `load` took them."""
    given = {setting.name: environ[setting.variable] for setting in SETTINGS if environ.get(setting.variable)}
    given |= {key: value for key, value in flags.items() if value not in (None, ())}
    return {
        setting.name: _in_file(setting, given[setting.name])
        for setting in SETTINGS
        if setting.in_file and setting.name in given
    }


def _in_file(setting: Setting, value: object) -> object:
    if setting.types == (list,):
        texts = _parse_patterns(value) if isinstance(value, str) else cast(Iterable[str], value)
        return [str(setting.item(text)) for text in texts]
    if not isinstance(value, str):
        return value
    if setting.types == (bool,):
        return parse_switch(value)
    if setting.types == (int,):
        return int(value)
    # Absolute, as a schedule starts in another folder than a person does.
    return str(setting.parse(value)) if setting.parse is parse_path else value


def library_names(path: Path) -> list[str]:
    """The libraries in a config file, in its order; none where there is no such file. Raises UsageError."""
    return list(_read(path, must_exist=False).libraries)


def _gather(
    flags: Mapping[str, Any], environ: Mapping[str, str], file: _File, path: Path, name: str
) -> dict[str, _Given]:
    given = _from_file(path, file.libraries.get(name, {}), name)
    given |= _from_environment(environ)
    return given | {key: _Given(value, _BY_NAME[key].flag) for key, value in flags.items() if value not in (None, ())}


def _hook_tables(file: _File, path: Path, name: str) -> list[tuple[dict[str, object], str]]:
    own = file.libraries.get(name, {}).get(_HOOKS, {})
    if not isinstance(own, dict):
        raise UsageError(f"'hooks' of the library '{name}' in {path} must be a table", hint=_HOOKS_HINT)
    return [(file.hooks, f"in {path}, [hooks]"), (own, f"in {path}, [libraries.{name}.hooks]")]


def _build(name: str, given: Mapping[str, _Given]) -> Config:
    values: dict[str, Any] = {"bucket": ""}
    for key, one in given.items():
        setting = _BY_NAME[key]
        values[setting.target] = _parse(setting, one)
    return Config(library=name, **values)


def _parse(setting: Setting, given: _Given) -> object:
    try:
        match given.value:
            case list() | tuple():
                return tuple(setting.item(text) for text in given.value)
            case bool():
                return setting.parse("1" if given.value else "0")
            case _:
                return setting.parse(str(given.value))
    except UsageError as problem:
        raise UsageError(f"{given.origin}: {problem.message}", hint=problem.hint) from problem


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    # An empty variable is one that was not set: the habit of compose files and of `VAR= command`.
    return {s.name: _Given(environ[s.variable], s.variable) for s in SETTINGS if environ.get(s.variable)}


def _from_file(path: Path, table: Mapping[str, object], library: str) -> dict[str, _Given]:
    place = f"in {path}, [libraries.{library}]"
    given = {}
    for key, value in table.items():
        if key in _TABLES:
            continue
        _check_key(key, place)
        _check_type(_BY_NAME[key], value, place)
        given[key] = _Given(value, f"{key} {place}")
    return given


def _check_key(key: str, place: str) -> None:
    names = [setting.name for setting in SETTINGS if setting.in_file]
    if key in names:
        return
    if key in _BY_NAME:
        raise UsageError(f"'{key}' is for one run, and stands {place}", hint=f"give {_BY_NAME[key].flag} instead")
    raise UsageError(f"unknown setting '{key}' {place}", hint=_nearest(key, names))


def _check_type(setting: Setting, value: object, place: str) -> None:
    wanted = " or ".join(_TYPE_NAMES[kind] for kind in setting.types)
    # type(), as True is an int to isinstance().
    fits = type(value) in setting.types and (not isinstance(value, list) or all(isinstance(v, str) for v in value))
    if not fits:
        raise UsageError(f"'{setting.name}' must be {wanted} {place}", hint="in TOML only text stands in quotes")
    texts = [str(text) for text in value] if isinstance(value, list) else [str(value)]
    if setting.is_path and not all(text[:1] == "~" or Path(text).is_absolute() for text in texts):
        # A schedule starts in another folder than a person does: the same file would mean another library.
        raise UsageError(f"'{setting.name}' must be an absolute path {place}", hint="start it with / or ~")


def _nearest(word: str, names: Iterable[str]) -> str:
    known = sorted(names)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known)}"


def _read(path: Path, *, must_exist: bool) -> _File:
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Windows' Notepad writes a BOM, which TOML does not know
    except FileNotFoundError:
        if must_exist:
            raise UsageError(f"there is no config file {path}", hint="check --config and LRSYNC_CONFIG") from None
        return _File({}, {})
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"the config file {path} cannot be read: {problem}") from problem
    return _check_libraries(_parse_toml(path, text), path)


def _parse_toml(path: Path, text: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        # TOMLDecodeError is a ValueError, and so is a number of 5,000 digits; brackets in brackets end the stack.
        raise UsageError(f"the config file {path} is not TOML: {problem}", hint="mind quotes and brackets") from problem


def _check_libraries(document: dict[str, object], path: Path) -> _File:
    for key in document:
        if key not in ("libraries", _HOOKS):
            hint = (
                "settings stand under [libraries.default]" if key in _BY_NAME else _nearest(key, ["libraries", _HOOKS])
            )
            raise UsageError(f"unknown name '{key}' in {path}", hint=hint)
    libraries = document.get("libraries", {})
    if not isinstance(libraries, dict) or not all(isinstance(table, dict) for table in libraries.values()):
        raise UsageError(f"'libraries' in {path} must hold tables", hint="write [libraries.default] above the settings")
    hooks = document.get(_HOOKS, {})
    if not isinstance(hooks, dict):
        raise UsageError(f"'hooks' in {path} must be a table", hint=_HOOKS_HINT)
    return _File(libraries, hooks)


def _check_required(
    required: Iterable[str], given: Mapping[str, _Given], *, name: str, path: Path, libraries: Mapping[str, object]
) -> None:
    for key in required:
        if key in given:
            continue
        setting = _BY_NAME[key]
        if libraries and name not in libraries:
            raise UsageError(f"there is no library '{name}' in {path}", hint=_nearest(name, libraries))
        what = {"source_path": "no source folder", "s3_bucket": "no bucket"}.get(key, f"no {key}")
        hint = f"give {setting.flag} or {setting.variable}, or write {key} under [libraries.{name}] in {path}"
        # Whoever has no library yet wants to be asked, not to write a file.
        raise UsageError(f"{what} was given", hint=hint if libraries else f"'lrsync init' asks for it; else {hint}")
