"""The panels of the page: one for each kind of thing to look at."""

from dataclasses import dataclass
from typing import Any

from spa.errors import DataError
from spa.job.run import Run
from spa.web.page import Page
from spa.web.presence import Presence
from spa_plugins.view.curves import Curves, Views
from spa_plugins.view.inputs import Shelf
from spa_plugins.view.latents import Latents
from spa_plugins.view.micrographs import Micrographs
from spa_plugins.view.stacks import Stacks
from spa_plugins.view.volumes import Maps


@dataclass(eq=False)
class Panels:
    """Empty ones are not shown."""

    maps: Maps
    micrographs: Micrographs
    stacks: Stacks
    curves: Curves
    views: Views
    latents: Latents

    @classmethod
    def of(cls, run: Run, shelf: Shelf) -> "Panels":
        """DataError where there is nothing to look at."""
        made = cls(Maps(shelf), Micrographs(run, shelf), Stacks(run, shelf), Curves(run, shelf), Views(shelf),
                   Latents(shelf))  # fmt: skip
        if not made.shown:
            raise DataError("nothing to look at: what the tables name is not there")
        return made

    @property
    def shown(self) -> dict[str, Any]:
        """Panels by name."""
        return {name: panel for name, panel in vars(self).items() if len(panel)}

    def page(self) -> Page:
        """The page, which ends when it is closed."""
        presence = Presence()
        pictures = {
            "volume": self.maps.volume, "film": self.micrographs.films.view, "sheet": self.stacks.sheet,
            "image": self.stacks.image, "latents": self.latents.points,
        }  # fmt: skip
        actions = {
            "picks": self.micrographs.points, "order": self.stacks.order, "row": self.stacks.row,
            "views": self.views.cells, "came": presence.came, "left": presence.left,
        }  # fmt: skip
        return Page("View", "view.js", self.facts, pictures, actions, presence.over,
                    "closing the page ends the job, and so does Ctrl-C")  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """What each panel begins with, by its name."""
        return {name: panel.facts() for name, panel in self.shown.items()}

    def summary(self) -> str:
        return "looked at " + ", ".join(f"{len(panel)} {name}" for name, panel in self.shown.items())
