"""What was found, by severity."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """severity: error, warning or note; check: what was looked at; text: one line."""

    severity: str
    check: str
    text: str


@dataclass
class Findings:
    """Collects them."""

    all: list[Finding] = field(default_factory=list)

    def error(self, check: str, text: str) -> None:
        """It spoils the result silently."""
        self.all.append(Finding("error", check, text))

    def warning(self, check: str, text: str) -> None:
        """It should be looked at."""
        self.all.append(Finding("warning", check, text))

    def note(self, check: str, text: str) -> None:
        """Good to know."""
        self.all.append(Finding("note", check, text))

    def counts(self) -> Counter[str]:
        """How many of each severity."""
        return Counter(one.severity for one in self.all)
