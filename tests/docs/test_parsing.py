"""Every command and every option that README and docs name is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lrsync.ui.main import cli
from tests.docs.blocks import PAGES, Block, blocks, commands_of, spans

BLOCKS = [block for block in blocks() if block.commands]
FOREIGN = {"--quick"}
"""Options of other programs that a page names without the program."""
MOST_NOT_RUN = 7
"""Blocks that the tests only parse. More of them is less that is known to be true: rather write one that runs."""


def parse(args: list[str]) -> None:
    """Let click read a command line. Raises click.UsageError for what it does not know."""
    command: click.Command = cli
    context = click.Context(cli, info_name="lrsync")
    while isinstance(command, click.Group):
        if not args:
            raise click.UsageError("a command is missing")
        name, found, args = command.resolve_command(context, args)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.make_context(command.name, list(args), parent=context.parent)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_command_is_one(block: Block) -> None:
    for args in block.commands:
        parse(args)


@pytest.mark.parametrize("args", [["snyc"], ["sync", "--fool"], ["trash"], ["adopt", "--unproven", "maybe"], []])
def test_a_wrong_one_fails(args: list[str]) -> None:
    with pytest.raises(click.UsageError):
        parse(args)


def test_blocks_are_found_and_few_are_not_run() -> None:
    assert len(BLOCKS) > 20
    not_run = [block for block in BLOCKS if block.why]
    assert len(not_run) <= MOST_NOT_RUN, [f"{block}: {block.why}" for block in not_run]


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _options(inner)
    for option in command.get_params(context):
        yield from (*option.opts, *option.secondary_opts)


def test_every_option_in_the_text_is_one() -> None:
    known = {name for name in _options(cli) if name.startswith("--")} | FOREIGN
    named = ((page, option) for page, span in spans() for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", span))
    theirs = re.compile(r"^(LRSYNC_\w+=\S+ )*(aws|s5cmd|rclone|uv|pip|systemctl|loginctl) ")
    foreign = {option for _, span in spans() if theirs.match(span) for option in re.findall(r"--[a-z][a-z-]+", span)}
    assert sorted({(page, option) for page, option in named if option not in known | foreign}) == []


def test_every_command_in_the_text_is_one() -> None:
    """As far as its placeholders let a program read it: the command's name, and its subcommand's."""
    wrong = []
    for page, span in spans():
        for args in _read(span):
            command: click.Command = cli
            while isinstance(command, click.Group) and args and re.fullmatch(r"[a-z-]+", args[0]):
                found = command.get_command(click.Context(command), args.pop(0))
                if found is None:
                    wrong.append((page, span))
                    break
                command = found
    assert wrong == []


def _read(span: str) -> list[list[str]]:
    try:
        return list(commands_of(span))
    except ValueError:  # a lone quote
        return []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
