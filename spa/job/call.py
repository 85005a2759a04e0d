"""What click knows about the call of a job: what was given, which files it names, its words for the record."""

import math
from collections.abc import Mapping
from typing import Any

import click

from spa.errors import UsageError
from spa.job.options import NEUTRAL, InputFile, InputTable
from spa.job.places import Place


def context() -> click.Context:
    """The context of the command that runs."""
    return click.get_current_context()


def was_given(name: str) -> bool:
    """Whether the user wrote this option or argument, rather than its default standing in."""
    return context().get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _spelt(ctx: click.Context) -> dict[str | None, str]:
    """The options of a command by their parameters' names."""
    return {param.name: max(param.opts, key=len) for param in ctx.command.params}


def go_with(owner: str | tuple[str, ...], *names: str) -> None:
    """UsageError where one of these options was given without (any of) what it belongs to, and would be ignored."""
    ctx = context()
    spelt = _spelt(ctx)
    owners = (owner,) if isinstance(owner, str) else owner
    for name in names:
        if was_given(name) and not any(ctx.params[one] for one in owners):
            known = " or ".join(spelt[one] for one in owners)
            raise UsageError(f"{spelt[name]} goes with {known}, and does nothing without it")


def excluded_by(owner: str, *names: str) -> None:
    """UsageError where one of these options was given beside one that leaves it nothing to do."""
    ctx = context()
    spelt = _spelt(ctx)
    for name in names:
        if was_given(name) and was_given(owner) and ctx.params[owner] is not False:
            raise UsageError(f"{spelt[name]} does nothing beside {spelt[owner]}")


def input_files(ctx: click.Context) -> list[str]:
    """The values of options of type INPUT_FILE, and of INPUT_TABLE where they are files."""
    found = []
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        if isinstance(param.type, InputFile) and value:
            values = [str(one) for one in value] if isinstance(value, tuple | list) else [str(value)]
            found += [one for one in values if not (isinstance(param.type, InputTable) and one == "-")]
    return found


def refuse_nonsense(ctx: click.Context) -> None:
    """BadParameter for a number that is none (nan, inf: click's ranges let nan through) and for an empty file name."""
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        values = value if isinstance(value, tuple | list) else [value]
        bad = [one for one in values if isinstance(one, float) and not math.isfinite(one)]
        if bad:
            raise click.BadParameter(f"{bad[0]} is no number to work with", ctx, param)
        if isinstance(param.type, click.Path | InputFile) and "" in values:
            raise click.BadParameter("an empty name", ctx, param)


def arguments(ctx: click.Context) -> list[str]:
    """The values of arguments that are files."""
    found: list[str] = []
    for param in ctx.command.params:
        if isinstance(param, click.Argument) and isinstance(param.type, click.Path | InputFile):
            found += _words(ctx.params.get(param.name or "") or ())
    return [name for name in found if name != "-"]


def places(ctx: click.Context) -> list[Place]:
    """Where the call's options of type click.Path (but --outdir) want a file."""
    found = []
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        wanted = isinstance(param, click.Option) and isinstance(param.type, click.Path) and param.name != "outdir"
        if wanted and value and value != "-":
            found.append(Place(max(param.opts, key=len), str(value), param.metavar or ""))
    return found


def command_line(ctx: click.Context, instead: Mapping[str, Any] | None = None,
                 leave_out: frozenset[str] = NEUTRAL - {"star"}) -> list[str]:  # fmt: skip
    """The call as words, with every default written out: options in their order of declaration, then arguments.

    instead: values of options that are not as they were given.
    """
    words: list[str] = []
    arguments: list[str] = []
    values = ctx.params | dict(instead or {})
    for param in ctx.command.params:
        value = values.get(param.name or "")
        if param.name in leave_out or value is None or value == ():
            continue
        if isinstance(param, click.Argument):
            arguments += _words(value)
        elif isinstance(param, click.Option):
            words += _option_words(param, value)
    return words + arguments


def _option_words(option: click.Option, value: Any) -> list[str]:
    name = max(option.opts, key=len)
    if option.is_flag and isinstance(value, bool):
        no = max(option.secondary_opts, key=len, default="")
        return [name] if value else [no] if no else []
    if option.count:
        return [name] * int(value)
    if option.multiple:
        return [word for one in value for word in [name, *_words(one)]]
    return [name, *_words(value)]


def _words(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, tuple | list) else [str(value)]
