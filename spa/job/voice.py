"""What a job says to its user, and keeps in its log."""

from spa.job import progress
from spa.job.grammar import agreeing
from spa.job.log import Log


class Voice:
    """Lines on standard error; what is said without -v goes into the log, quiet or not."""

    def __init__(self, job: str, quiet: bool = False, verbose: bool = False) -> None:
        self.job, self.quiet, self.verbose = job, quiet, verbose
        self.log = Log()
        self.doubts: list[str] = []
        self._summary = ""

    def say(self, text: str) -> None:
        """A line on standard error with -v."""
        if self.verbose and not self.quiet:
            self._line(text)

    def note(self, text: str) -> None:
        """A line on standard error unless -q: what an iteration found."""
        self.log.said(agreeing(text))
        if not self.quiet:
            self._line(text)

    def warn(self, text: str) -> None:
        """A line on standard error, always."""
        self.log.said(agreeing(text))
        self._line(text)

    def doubt(self, text: str) -> None:
        """A warning that speaks against what the job found: job.json keeps it, for jobs that take its files."""
        self.doubts.append(text)
        self.warn(text)

    def summary(self, text: str) -> None:
        """The line on standard error at the end, with the figure that matters."""
        self._summary = agreeing(text)

    def _line(self, text: str) -> None:
        progress.line(f"spa {self.job}: {agreeing(text)}")
