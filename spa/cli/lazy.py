"""Commands that are data until they are called: help and completion of a group import no job."""

import importlib
from typing import TYPE_CHECKING

import click

from spa.cli.registry import Registry
from spa.errors import DeviceError
from spa.plug import Job

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def load(job: Job) -> click.Command:
    """The click command that a job's target names.

    Raises DeviceError when a package that it imports is not installed, ImportError or AttributeError when it is broken.
    """
    module, _, name = job.target.partition(":")
    try:
        command = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        missing = DeviceError(f"cannot be loaded: {error}")
        missing.job = job.name
        raise missing from error
    if not isinstance(command, click.Command):
        raise TypeError(f"{job.target} is {type(command).__name__}, not a click command")
    command.name = job.name.split(" ")[-1]
    return command


class Lazy(click.Group):
    """A group whose members are looked up by name, and listed by their summaries."""

    def summaries(self) -> dict[str, str]:
        """One line for each member, in the order of the listing."""
        return {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.summaries())

    def near(self, word: str) -> list[str]:
        """Members that may be meant by a word that names none."""
        from difflib import get_close_matches

        return get_close_matches(word, self.summaries(), 3)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, word) is None:
            near = " or ".join(self.near(word))
            ctx.fail(f"No such command {word!r}." + (f" Is {near} meant?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries().items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        members = self.summaries().items()
        found = [CompletionItem(name, help=text) for name, text in members if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


class Verb(Lazy):
    """The jobs that share their first word."""

    def __init__(self, registry: Registry, verb: str) -> None:
        super().__init__(verb, help=f"The jobs of `spa {verb}`.", subcommand_metavar="KIND [ARGS]...")
        self.registry = registry
        jobs = sorted(registry.jobs.items())
        self.jobs = {name.split(" ")[1]: job for name, job in jobs if name.startswith(f"{verb} ")}

    def summaries(self) -> dict[str, str]:
        return {kind: job.summary for kind, job in self.jobs.items()}

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return load(self.jobs[name]) if name in self.jobs else None


class Host(Lazy):
    """The program: every job by its two words, and the host's own commands."""

    def __init__(self, registry: Registry, own: dict[str, click.Command], **settings: object) -> None:
        super().__init__("spa", **settings)  # type: ignore[arg-type]
        self.registry = registry
        self.own = own

    def near(self, word: str) -> list[str]:
        return super().near(word) or [job for job in self.registry.jobs if job.endswith(f" {word}")]

    def _verbs(self) -> dict[str, str]:
        verbs: dict[str, str] = {}
        for name, job in sorted(self.registry.jobs.items()):
            verb, _, kind = name.partition(" ")
            verbs[verb] = f"{verbs[verb]}, {kind}" if verb in verbs else (kind or job.summary)
        return verbs

    def summaries(self) -> dict[str, str]:
        own = {name: command.get_short_help_str(80) for name, command in self.own.items() if not command.hidden}
        return self._verbs() | own

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Jobs"):
            formatter.write_dl([(name, job.summary) for name, job in sorted(self.registry.jobs.items())])
        with formatter.section("Host"):
            formatter.write_dl([(name, self.summaries()[name]) for name in self.own if name in self.summaries()])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self.own:
            return self.own[name]
        if name in self.registry.jobs:
            return load(self.registry.jobs[name])
        return Verb(self.registry, name) if name in self._verbs() else None
