"""Names and options of jobs as click knows them, for steps that jobs of this program took."""

import contextlib
from typing import Any

import click

ELSEWHERE = frozenset({"outdir", "output", "plot", "threads", "device"})  # shown in other words


def _host() -> tuple[click.Group, click.Context]:
    context = click.get_current_context().find_root()
    assert isinstance(context.command, click.Group)
    return context.command, context


def job_of(words: list[str]) -> str:
    """The job's name, at the head of a step's words; where no plugin knows it, its first word or two."""
    host, context = _host()
    group = host.get_command(context, words[0]) if words else None
    if isinstance(group, click.Group) or group is None:
        return " ".join(word for word in words[:2] if not word.startswith(("-", "[")))
    return words[0]


def _command(job: str) -> click.Command | None:
    found, context = _host()
    for word in job.split():
        with contextlib.suppress(Exception):  # a broken plugin of others is no reason to have no report
            command = found.get_command(context, word)
            if isinstance(command, click.Group):
                found = command
                continue
            return command
    return None


def options_of(job: str, words: list[str], record: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The options of a step that are not the defaults, as (name, value); what is not known of a job is left out."""
    command = _command(job)
    if command is None:
        return []
    values = record.get("options", {}) if record else _read(command, words)
    found = []
    for param in command.params:
        if not isinstance(param, click.Option) or param.name not in values or param.name in ELSEWHERE:
            continue
        value, default = _plain(values[param.name]), _plain(param.get_default(click.Context(command)))
        if value not in (default, None, []):
            found.append((max(param.opts, key=len), _spelt(value)))
    return found


def _read(command: click.Command, words: list[str]) -> dict[str, Any]:
    words = [word for word in words if not (word.startswith("[") and word.endswith("]"))]  # whose job it is
    try:
        return command.make_context(command.name, list(words), resilient_parsing=True).params
    except click.ClickException:
        return {}


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _spelt(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_spelt, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
