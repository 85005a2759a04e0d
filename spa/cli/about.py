"""The host's own commands: what is installed, what is broken, completion."""

import click

from spa.cli.registry import Registry


@click.command()
@click.option("--check", is_flag=True, help="Load every job, and say which cannot be loaded.")
@click.pass_obj
def plugins(registry: Registry, check: bool) -> int:
    """What is installed, and what is broken."""
    from spa.cli.lazy import load
    from spa.cli.registry import reason

    bad = 0
    for plugin in registry.plugins:
        state = "broken" if plugin.trouble else "shut out by SPA_PLUGINS" if plugin.shut_out else "ok"
        bad += state == "broken"
        state += f": {plugin.trouble}" if plugin.trouble else ""
        click.echo(f"{plugin.entry.name}\t{plugin.entry.owner}\t{state}")
        for job in plugin.jobs:
            trouble = ""
            if check:
                try:
                    load(job)
                except Exception as error:
                    bad, trouble = bad + 1, f"\tbroken: {reason(error)}"
            click.echo(f"  spa {job.name}\t{job.summary}{trouble}")
    return 1 if bad else 0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: eval "$(spa completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(ctx.find_root().command, {}, "spa", "_SPA_COMPLETE").source())


@click.command()
@click.pass_obj
def doctor(registry: Registry) -> int:
    """Versions, devices, FFT, BLAS, cores, memory; status 1 if something hinders work."""
    from spa.cli.doctor import lines

    bad = False
    for section, found in lines(registry):
        click.echo(f"{section}:")
        for what, how, hinders in found:
            click.echo(f"  {'! ' if hinders else ''}{what:14}{how}")
            bad |= hinders
    return 1 if bad else 0


@click.command(hidden=True)
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option("--plugin", metavar="NAME", help="Of the jobs of this plugin or distribution alone, a third party's.")
@click.pass_context
def manpages(ctx: click.Context, folder: str, plugin: str | None) -> None:
    """Write a man page for every command into DIR."""
    from spa.cli.lazy import Host
    from spa.cli.manpages import write_all

    host = ctx.find_root().command
    assert isinstance(host, Host)
    click.echo(f"{len(write_all(host, folder, plugin))} pages in {folder}", err=True)


COMMANDS: list[click.Command] = [plugins, doctor, completion, manpages]
