"""The program `spa`: arguments in, exit status out."""

import atexit
import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

import click

from spa import __version__
from spa.cli import about, registry
from spa.cli.lazy import Host
from spa.cli.start import INTERRUPTED
from spa.errors import DeviceError, MissingInput, ReadError, SpaError, WriteError

COMPLETION = "_SPA_COMPLETE"
BROKEN_PIPE, BUG = 141, 70
CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def program(whole_process: bool = False, extra: Sequence[click.Command] = (), word: str = "") -> Host:
    """The command tree.

    whole_process: jobs may set this process's environment. extra: commands beside the host's own. word: the first of
    the command line, whose jobs are all that is looked for.
    """
    plugins = registry.load(word)
    host = Host(
        plugins,
        {command.name or "": command for command in [*about.COMMANDS, *extra]},
        help="Cryo-EM single-particle analysis from the shell: a table on standard input, a table on standard output.",
        subcommand_metavar="VERB [KIND] [ARGS]...",
        epilog="`spa VERB KIND --help` explains a job; spa(1), spa-star(5) and spa-plugins(7) the rest.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "obj": plugins},
    )
    plugins.whole_process = whole_process
    host.params.append(click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True,
                                    callback=_version, help="Show the version and exit."))  # fmt: skip
    return host


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"spa {__version__}")
        ctx.exit()


def _call(arguments: Sequence[str], host: Host) -> int:
    instruction = os.environ.get(COMPLETION) if host.registry.whole_process else None
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(host, {}, "spa", COMPLETION, instruction)
    for plugin in host.registry.broken:
        click.echo(registry.complaint(plugin), err=True)
    try:
        with host.make_context("spa", list(arguments)) as ctx:
            status = host.invoke(ctx)
    except click.exceptions.Exit as exit_:
        status = exit_.exit_code
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def _of_system(error: OSError) -> SpaError:
    """What the system refused, as the kind of error that it means."""
    what = error.filename if error.filename is not None else "standard output"
    kind: type[SpaError] = ReadError
    if error.errno == errno.ENOENT:
        kind = MissingInput
    elif error.errno in CANNOT_WRITE or error.filename is None:
        kind = WriteError
    closed = isinstance(error, io.UnsupportedOperation)
    return kind(f"{what}: {'closed' if closed else error.strerror or error}")


def run(arguments: Sequence[str], host: Host | None = None) -> int:
    """Run one command line in this process; every outcome is a status, and one line on standard error."""
    try:
        return _call(arguments, host or program())
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo(getattr(error, "line", "spa: interrupted"), err=True)
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except SpaError as error:
        click.echo(_line(error), err=True)
        return error.status
    except MemoryError as error:
        click.echo(f"spa: out of memory: {error}", err=True)
        return DeviceError.status
    except OSError as error:
        click.echo(_line(_of_system(error)), err=True)
        return _of_system(error).status
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo(f"spa {__version__}: this is a bug in spa or in a plugin; the lines above say where", err=True)
        return BUG


def _line(error: SpaError) -> str:
    return f"spa {error.job}: {error}" if error.job else f"spa: {error}"


def main() -> NoReturn:
    """The whole process. Threads that still work after an interrupt do not keep it alive."""
    if sys.stdout is None:  # closed by the shell: opened so that only a write to it fails
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), closefd=False)  # noqa: SIM115 - for the whole process
    status = run(sys.argv[1:], program(whole_process=True, word=sys.argv[1] if len(sys.argv) > 1 else ""))
    for late in (signal.SIGINT, signal.SIGTERM):  # the work is done: the status is what it came to
        signal.signal(late, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except OSError:  # whoever read standard output is gone: keep the interpreter's own flush quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End the process: its exit functions run, but nothing that it has loaded is taken apart, a tenth of a short job.

    Threads that still work after a failure are not waited for; whoever profiles or traces is left to finish.
    """
    at_work = threading.active_count() > 1
    if (at_work and status == 0) or sys.getprofile() or sys.gettrace():
        sys.exit(status)
    if not at_work:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # gone, closed, or never there
            stream.flush()
    os._exit(status)
