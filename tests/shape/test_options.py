"""Options that mean the same in every command take the same."""

from __future__ import annotations

import click
import pytest

from regulars.cli.main import COMMANDS, main_group


def _options(command: click.Command, path: str) -> list[tuple[str, click.Option]]:
    found = [(path, one) for one in command.params if isinstance(one, click.Option)]
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return found + [each for name, one in below for each in _options(one, f"{path} {name}")]


def _all() -> list[tuple[str, click.Option]]:
    verbs = [(verb, main_group.get_command(click.Context(main_group), verb)) for verb in COMMANDS]
    return [each for verb, command in verbs if command is not None for each in _options(command, verb)]


LIMITS = [(path, one) for path, one in _all() if "--limit" in one.opts]


def test_there_are_commands_with_a_limit() -> None:
    assert len(LIMITS) > 5


@pytest.mark.parametrize(("path", "option"), LIMITS, ids=[path for path, _ in LIMITS])
def test_a_limit_is_at_least_one(path: str, option: click.Option) -> None:
    assert isinstance(option.type, click.IntRange), path
    assert option.type.min == 1
