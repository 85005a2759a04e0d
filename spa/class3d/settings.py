"""What a classification is told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """classes; start: shells that the start looks at; iterations at most;

    similarity: share by which random starts hold the classes alike at first; starts: of the mixture or of random
    classes; random: start from random classes rather than from principal components.
    """

    classes: int
    start: int
    iterations: int
    seed: int
    similarity: float = 0.5
    starts: int = 20
    random: bool = False
