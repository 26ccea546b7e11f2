"""`lrsync completion`: print the script that lets a shell complete commands, options and names."""

from __future__ import annotations

from typing import Final

import click

from lrsync.ui.options import examples

SHELLS: Final = ("bash", "zsh", "fish", "powershell")
_EXAMPLES: Final = examples(
    ("lrsync completion bash > ~/.local/share/bash-completion/completions/lrsync", "bash, from the next shell on"),
    ('lrsync completion zsh > "${fpath[1]}/_lrsync"', "zsh"),
    ("lrsync completion fish > ~/.config/fish/completions/lrsync.fish", "fish"),
    ("lrsync completion powershell >> $PROFILE", "PowerShell"),
)


@click.command(epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the script that lets your shell complete commands, options, files, libraries and past runs.

    It asks lrsync itself, so it need not be made anew after an upgrade.
    """
    from click.shell_completion import get_completion_class

    from lrsync.ui import output

    script = get_completion_class(shell)
    assert script is not None, "click has all four"
    root = click.get_current_context().find_root()
    output.result(script(root.command, {}, "lrsync", "_LRSYNC_COMPLETE").source().rstrip("\n"))
    return 0
