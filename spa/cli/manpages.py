"""Man pages from the commands themselves: options as click knows them, and what holds for every job."""

import inspect
import os
import re
from pathlib import Path

import click

from spa import __version__
from spa.cli.lazy import Host, load
from spa.cli.registry import named
from spa.errors import DataError, UsageError, WriteError
from spa.plug import Job

STATUSES = (
    (0, "done"), (1, "done, some items left out (each is named on standard error)"), (2, "wrong usage"),
    (65, "the input is not what the job needs"), (66, "there is no such input"),
    (69, "a device or an optional package is missing (the message names the extra to install)"),
    (70, "a bug (with a traceback)"), (73, "cannot write"), (74, "cannot read"),
    (75, "stopped by SIGTERM at a checkpoint; \\-\\-resume goes on"), (130, "interrupted"),
    (141, "broken pipe (quiet)"),
)  # fmt: skip


def escaped(text: str) -> str:
    """Text as roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(['.])", r"\\&\1", text, flags=re.MULTILINE)


def _heading(title: str) -> str:
    return f'.SH "{title}"'


def _paragraphs(text: str) -> list[str]:
    """Prose of a docstring: click's \\b blocks keep their lines."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text).split("\f")[0].strip()):
        kept = block.lstrip().startswith("\b")
        body = escaped(block.replace("\b\n", "").replace("\b", ""))
        out += [".PP", ".nf", body, ".fi"] if kept else [".PP", body]
    return out


def _spelling(option: click.Option, ctx: click.Context) -> str:
    names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in option.opts)
    if option.secondary_opts:
        names += " / " + ", ".join(f"\\fB{escaped(name)}\\fR" for name in option.secondary_opts)
    if option.is_flag or option.count:
        return names
    return f"{names} \\fI{escaped(option.make_metavar(ctx))}\\fR"


def _default(option: click.Option) -> str:
    """The default, whether or not --help shows it."""
    if isinstance(option.show_default, str):
        return f" [default: {option.show_default}]"
    value = option.to_info_dict().get("default")
    if option.required or option.is_flag or option.count or value in (None, (), "") or callable(option.default):
        return ""
    return f" [default: {' '.join(map(str, value)) if isinstance(value, tuple | list) else value}]"


def _option(option: click.Option, ctx: click.Context) -> list[str]:
    notes = _default(option) + " [required]" * option.required + " [repeatable]" * option.multiple
    return [".TP", _spelling(option, ctx), escaped((option.help or "").rstrip() + notes)]


def _usage(ctx: click.Context) -> str:
    pieces = " ".join(ctx.command.collect_usage_pieces(ctx))
    return f"\\fB{escaped(ctx.command_path)}\\fR {escaped(pieces)}"


def page(command: click.Command, words: str, summary: str, related: list[str]) -> str:
    """The roff source of one command's page; ``words`` is the command line up to its options."""
    parent: click.Context | None = None
    settings = {"help_option_names": ["-h", "--help"]}
    for word in words.split(" ")[:-1]:
        parent = click.Context(click.Group(word), info_name=word, parent=parent, **settings)  # type: ignore[arg-type]
    ctx = click.Context(command, info_name=words.split(" ")[-1], parent=parent, **settings)  # type: ignore[arg-type]
    name = words.replace(" ", "-")
    out = [f'.TH "{name.upper()}" "1" "" "spa {__version__}" "spa"', _heading("NAME"),
           f"{escaped(name)} \\- {escaped(summary.rstrip('.'))}", _heading("SYNOPSIS"), _usage(ctx),
           _heading("DESCRIPTION"), *_paragraphs(command.help or summary), _heading("OPTIONS")]  # fmt: skip
    for option in command.get_params(ctx):
        if isinstance(option, click.Option) and not option.hidden:
            out += _option(option, ctx)
    names = {param.name or "" for param in command.params}
    out += _files(names) + [_heading("EXIT STATUS")]
    for status, meaning in STATUSES:
        out += [".TP", f"\\fB{status}\\fR", meaning]
    also = ["\\fBspa\\fR(1)", "\\fBspa\\-star\\fR(5)", *(f"\\fB{escaped(one)}\\fR(1)" for one in related)]
    return "\n".join([*out, _heading("SEE ALSO"), ", ".join(also), ""])


def _files(names: set[str]) -> list[str]:
    rows = []
    if "star" in names:
        rows.append(("\\fISTAR\\fR", "The input table; \\- or nothing is standard input. Columns that the job does not "
                     "know go through untouched."))  # fmt: skip
    if "outdir" in names:
        rows.append(("\\fIDIR\\fR/job.json", "Version, command line, options after defaults, seed, device, versions of "
                     "libraries, sizes and hashes of the inputs, the steps that the table came through."))  # fmt: skip
        rows.append(("\\fIDIR\\fR/journal.jsonl", "What each finished item gave; \\-\\-resume reads it."))
        rows.append(("\\fIDIR\\fR/log.jsonl", "What was said and when, and the time and memory of each sitting."))
    return [_heading("FILES"), *(line for row in rows for line in (".TP", *row))] if rows else []


def pages(host: Host, plugin: str | None = None) -> dict[str, str]:
    """{file name: roff source} of every job of spa's own, and of the host's commands; or of a plugin's jobs alone.

    plugin: its name or its distribution's. UsageError where it has no jobs.
    """
    own = {name: job for name, job in host.registry.jobs.items() if host.registry.owners[name].builtin}
    found = {}
    jobs = own if plugin is None else _jobs_of(host, plugin)
    for name, job in sorted(jobs.items()):
        verb = name.split(" ")[0]
        near = [f"spa-{one.replace(' ', '-')}" for one in sorted(own) if one.split(" ")[0] == verb and one != name]
        found[f"spa-{name.replace(' ', '-')}.1"] = page(load(job), f"spa {name}", job.summary, near)
    for name, command in host.own.items():
        if plugin is None and not command.hidden:
            found[f"spa-{name}.1"] = page(command, f"spa {name}", command.get_short_help_str(200), [])
    return found


def _jobs_of(host: Host, plugin: str) -> dict[str, Job]:
    registry = host.registry
    found = {name: job for name, job in registry.jobs.items() if named(registry.owners[name], plugin)}
    if not found:
        raise UsageError(f"--plugin {plugin}: no plugin of that name has jobs (`spa plugins` lists them)")
    return found


def write_all(host: Host, folder: str | os.PathLike[str], plugin: str | None = None) -> list[Path]:
    """Write every page (or a plugin's) into a folder; DataError naming a job that cannot be loaded."""
    target = Path(folder)
    try:
        found = pages(host, plugin)
    except UsageError:
        raise
    except Exception as error:
        raise DataError(f"no page can be made: {error}") from error
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            (target / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise WriteError(f"{error.filename}: {error.strerror}") from None
    return [target / name for name in found]
