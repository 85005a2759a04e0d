"""What is chosen on a page, kept in a file from the first click on, so that nothing is lost when anything ends."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, WriteError
from spa.io.whole import whole
from spa.job import call, history
from spa.job.run import Run

FOLDER = Path("Choices")


def settle(run: Run, **chosen: Any) -> None:
    """What was chosen, in terms of the job's options: so the history tells it, and it can be had without a page."""
    run.words = call.command_line(call.context(), chosen)
    run.step = history.step(run.job, run.words, run.owner)


@dataclass(eq=False)
class Kept:
    """The newest choice of a job on one input; path: its file, which is written whole after every change."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, run: Run, *input: np.ndarray) -> "Kept":
        """In the run's outdir, or FOLDER, under a name that goes with what is chosen from: of another table another."""
        folder = run.outdir or FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{folder}: {error.strerror}") from None
        mark = sha256()
        for values in input:
            mark.update(np.ascontiguousarray(values).tobytes())
        return cls(folder / f"{run.job.replace(' ', '-')}-{mark.hexdigest()[:8]}.json")

    def read(self, understood: Callable[[Any], Any]) -> Any:
        """What ``understood`` makes of the choice, None where none was made. DataError for a file that is no choice."""
        try:
            return understood(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise DataError(f"{self.path}: no choice that can be gone on from: {error}") from None

    def write(self, choice: Any) -> None:
        """Keep a choice, which is JSON. WriteError."""
        with self.lock, whole(self.path) as part:
            part.write_text(json.dumps(choice) + "\n", encoding="utf-8")
