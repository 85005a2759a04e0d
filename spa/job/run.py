"""One run of a job: what its body reads, calls and writes with, and the decorator that makes it."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spa import __version__
from spa.errors import DataError, DeviceError, SpaError, Stopped, UsageError, WriteError
from spa.gpu.names import numbers
from spa.job import beginning, call, elsewhere, history, lock, options, places, progress, threads
from spa.job.signals import Terminated
from spa.job.voice import Voice

if TYPE_CHECKING:
    import numpy as np

    from spa.io.star import More, Tables
    from spa.job.journal import Journal

Item = TypeVar("Item")


class Run(Voice):
    """What a job's body gets: its settings, tables in and out, the loop over items, and words for the user."""

    def __init__(self, job: str, settings: dict[str, Any], words: Sequence[str] = (), owner: str = "",
                 started: Callable[["Run"], None] = lambda run: None) -> None:  # fmt: skip
        super().__init__(job, bool(settings.get("quiet")), bool(settings.get("verbose")))
        self.settings = settings
        self.threads: int = settings.get("threads") or options.cores()
        self.device: str = settings.get("device") or "cpu"
        self.seed: int = settings.get("seed") or 0
        self.resume = bool(settings.get("resume"))
        self.strict = bool(settings.get("strict"))
        self.outdir = Path(settings["outdir"]) if settings.get("outdir") else None
        self.bad = 0
        self.inputs: dict[str, dict[str, Any]] = {}
        self.step = history.step(job, list(words), owner)
        self.history: list[str] = []  # of the table that was read
        self.words = list(words)
        self.owner = owner
        self.terminated = Terminated(immediate=self.outdir is None)
        self._started = started
        self._begun, self._held = False, -1  # the descriptor by which the outdir is this run's alone
        self._journal: Journal | None = None
        self.started = False  # plugins have heard of it
        self._loops = 0

    # ---- tables and files

    def progress(
        self, items: Iterable[Item], total: int | None = None, unit: str = "it", label: str = ""
    ) -> Iterator[Item]:
        """The items, with a bar and the time left on a terminal; a SIGTERM stops between two of them."""
        for item in progress.over(items, total, unit, label, self.quiet):
            self.checkpoint()
            yield item

    def read(self, source: str | Path) -> "Tables":
        """A table from a file or, "-", standard input; what was read is recorded for job.json."""
        from spa.io import star
        from spa.job import streams

        if str(source) == "-":
            data = streams.standard_input()
            self.inputs["-"] = history.digest(data)
            tables = star.read(streams.named(data, "standard input"))
        else:
            self.input(source)
            tables = star.read(source)
        self.history = self.history or tables.history
        self.begin()
        return tables

    def read_today(self, source: str | Path) -> "Tables":
        """The same in today's form: tables of RELION 3.0 and before are brought to it."""
        from spa.model.upgrade import upgraded

        tables: Tables = upgraded(self.read(source))
        return tables

    def input(self, path: str | Path) -> Path:
        """Record a file that the job reads beside its table. MissingInput (66) when it is not there."""
        self.inputs[str(path)] = history.fingerprint(path)
        return Path(path)

    def write(self, tables: "Tables", output: str | Path = "-", more: "More" = None) -> None:
        """The table, with this step added to its history, to a file or standard output; more: see `star.write`."""
        from spa.io import star
        from spa.job import streams

        self.begin()
        star.write(streams.with_history(tables, self.step), output, more)

    # ---- the record

    def begin(self) -> None:
        """Inputs are open: check what --resume finds, tell plugins, write job.json. Called by read; once is enough."""
        if self._begun:
            return
        self._begun = True
        beginning.work()
        earlier = None
        self._held = lock.held(self.outdir)
        if self.outdir is not None and self.resume:
            earlier = history.read_record(self.outdir)
        if self.outdir is not None and earlier is not None:
            history.compare(self.outdir, earlier, self.record(), options.NEUTRAL)
        self.resume = earlier is not None
        self.started = True
        self._started(self)
        if self.outdir is not None:
            from spa.job.journal import Journal

            if not self.resume:  # forget what another run left, before the record says what is to come
                history.remove_states(self.outdir)
            self._journal = Journal(self.outdir, self.resume)
            history.write_record(self.outdir, self.record())
            self.log.open(self.outdir, self.resume)

    def record(self, state: str = "unfinished") -> dict[str, Any]:
        """What job.json holds."""
        line = " ".join(["spa", self.job, *history.quoted(self.words)])
        kept = {name: value for name, value in self.settings.items() if name not in ("resume", "quiet", "verbose")}
        return {
            "job": self.job, "version": __version__, "plugin": self.owner or None, "command": line, "state": state,
            "options": kept, "seed": self.settings.get("seed"), "device": self.device, "threads": self.threads,
            "libraries": history.libraries(), "left_out": self.bad, "doubts": self.doubts,
            "inputs": self.inputs, "hashed_bytes": history.HASHED_BYTES, "history": [*self.history, self.step],
        }  # fmt: skip

    def finish(self) -> int:
        """Close the record and say the summary; the exit status."""
        self.begin()
        if self.outdir is not None:
            history.write_record(self.outdir, self.record("finished"))
        if self._summary or self.bad:
            self.note("; ".join(filter(None, [self._summary, f"{self.bad} left out" if self.bad else ""])))
        return 1 if self.bad else 0

    def close(self, error: BaseException | None = None) -> None:
        """Close what is open; the log ends with how it ended."""
        if self._journal is not None:
            self._journal.close()
        self.log.close("finished" if error is None else str(error) or type(error).__name__)
        lock.leave(self._held)

    # ---- work

    def rng(self, *keys: int | str) -> "np.random.Generator":
        """Random numbers that depend on --seed and the keys alone, not on who draws first."""
        import zlib

        import numpy as np

        path = [zlib.crc32(key.encode()) + 2**32 if isinstance(key, str) else int(key) for key in keys]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self.seed, spawn_key=path)))

    def checkpoint(self) -> None:
        """Between two items or iterations, with everything on disk: raises Stopped when SIGTERM has come."""
        if self.terminated.asked:
            raise Stopped(f"stopped by SIGTERM{self.goes_on}")

    @property
    def goes_on(self) -> str:
        return "; the same command with --resume goes on" if self.outdir else ""

    def each(self, items: Iterable[Item], work: Callable[[Item], Any], key: Callable[[Item], str],
             unit: str = "item") -> Iterator[tuple[Item, Any]]:  # fmt: skip
        """(item, result of work) in the items' order; work runs in threads, each with one BLAS thread.

        A result is made of dictionaries, lists, texts and numbers; it is kept in DIR/journal.jsonl, and with --resume
        given again without work if the files in DIR which it names stand. An item whose work raises SpaError is named
        and left out (with --strict: the error is raised). DataError when no item is left.
        """
        from spa.job import pool

        self.begin()
        items = list(items)
        keys = pool.distinct([key(item) for item in items], unit)
        self._loops += 1
        loop = "" if self._loops == 1 else f" (loop {self._loops})"
        failed: list[SpaError] = []
        with threads.single_blas():
            one = functools.partial(self._one, work, loop)
            results = pool.ordered(zip(keys, items), one, self.threads, self.checkpoint)
            for (name, item), result in progress.over(results, len(items), unit, "", self.quiet):
                try:
                    done = result()
                except (SpaError, OSError) as error:
                    failed.append(self._left_out(error, name))
                    continue
                yield item, done
        if failed and len(failed) == len(items):
            raise DataError(f"none of {len(items)} {unit}s could be done; the first: {failed[0]}") from failed[0]

    def _one(self, work: Callable[[Item], Any], loop: str, named: tuple[str, Item]) -> Any:
        (key, item), journal = named, self._journal
        if journal is None:
            return work(item)
        name = key + loop
        if self.resume and name in journal:
            return journal.result(name)
        return journal.add(name, work(item))

    def leave_out(self, error: SpaError, count: int = 1) -> None:
        """Name a bad item and count what goes with it (status 1 at the end); with --strict the error is raised."""
        if self.strict:
            raise error
        self.bad += count
        self.warn(f"left out: {error}" + (f" ({count} images)" if count > 1 else ""))

    def _left_out(self, error: SpaError | OSError, name: str) -> SpaError:
        known = error if isinstance(error, SpaError) else DataError(f"{error.filename or name}: {error.strerror}")
        if isinstance(error, Stopped | WriteError | DeviceError | UsageError) or (self.strict and known is not error):
            raise error
        known.args = (str(known) if name in str(known) else f"{name}: {known}",)
        self.leave_out(known)
        return known


def job(name: str, devices: str = "") -> Callable[[Callable[..., None]], Callable[..., int]]:
    """Make a click command's body a job: it gets a Run, and those options that its signature names.

    ``devices``: "one" or "several" where the job has CUDA kernels; what it has not is refused, never run elsewhere.
    """

    def decorate(body: Callable[..., None]) -> Callable[..., int]:
        parameters = inspect.signature(body).parameters
        every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

        @functools.wraps(body)
        def command(**settings: Any) -> int:
            taken = {key: value for key, value in settings.items()
                     if key in parameters or (every and key not in options.STANDARD)}  # fmt: skip
            return _execute(name, devices, settings, lambda run: body(run, **taken))

        command.devices = devices  # type: ignore[attr-defined]
        return command

    return decorate


def _execute(name: str, devices: str, settings: dict[str, Any], body: Callable[[Run], None]) -> int:
    """Run a body between the hooks; its errors carry the job's name to the host."""
    context = call.context()
    call.refuse_nonsense(context)
    host = context.find_root().obj
    whole_process = bool(getattr(host, "whole_process", False))
    notify = getattr(host, "notify", lambda hook, **arguments: None)
    owner = getattr(host, "owners", {}).get(name)
    run = Run(name, settings, call.command_line(context), "" if owner is None or owner.builtin else owner.owner,
              lambda run: notify("spa_job_started", run=run))  # fmt: skip
    error: BaseException | None = None
    try:
        with run.terminated.listening(), threads.bound(run.threads, whole_process):
            files = call.input_files(context)
            _prepare(run, devices, files)
            places.require(call.places(context), call.arguments(context), files)
            if "star" not in run.settings:
                run.begin()
            body(run)
            return run.finish()
    except BaseException as caught:
        error = caught
        if isinstance(caught, SpaError):
            caught.job = caught.job or name
            caught.args = (elsewhere.explained(caught, run.inputs),)
        if isinstance(caught, KeyboardInterrupt):
            caught.line = f"spa {name}: interrupted{run.goes_on}"  # type: ignore[attr-defined]
        raise
    finally:
        run.close(error)
        if run.started:
            notify("spa_job_finished", run=run, error=error)


def _prepare(run: Run, devices: str, files: list[str]) -> None:
    named = len(numbers(run.device))
    if named and not devices:
        raise DeviceError(f"--device {run.device}: this job has no CUDA kernels in this version; use --device cpu")
    if named > 1 and devices != "several":
        raise DeviceError(f"--device {run.device}: this job runs on one device; name one of them")
    for file in files:
        run.input(file)
    if run.outdir is not None:
        try:
            run.outdir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{run.outdir}: {error.strerror}") from None


__all__ = ["Run", "job"]
