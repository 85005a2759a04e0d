"""Images without noise of the drawn particles."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa.image.aberrations import Aberrations
from spa.image.ctf import Lens
from spa.model.poses import matrices
from spa.simulate.micelle import Belt, spectra
from spa.simulate.particles import clean_images, seen_from
from spa.simulate.specimen import Specimen
from spa_plugins.simulate_particles.draws import Draws

Generators = Callable[[int], np.random.Generator]


@dataclass(frozen=True, eq=False)
class Imaging:
    """How particles are seen: aberrations of each optics group, box in pixels of pixel_size (angstroms), envelope.

    ewald: of `clean_images`.
    """

    specimen: Specimen
    draws: Draws
    lens: Lens
    aberrations: list[Aberrations]
    box: int
    pixel_size: float
    bfactor: float
    ewald: int = 0

    def clean(self, rows: np.ndarray, around: Belt | None = None, rng: Generators | None = None) -> np.ndarray:
        """Images (n, box, box) of rows, in a belt of detergent where there is one; rng: of each particle's belt."""
        images = np.empty((len(rows), self.box, self.box), np.float32)
        kinds = np.stack([self.draws.group[rows], self.draws.form[rows]])
        for number, form in np.unique(kinds, axis=1).T:
            here = (kinds[0] == number) & (kinds[1] == form)
            images[here] = self._alike(rows[here], self.specimen.of_form(form), self.aberrations[number], around, rng)
        return images

    def _alike(
        self, rows: np.ndarray, specimen: Specimen, seen: Aberrations, around: Belt | None, rng: Generators | None
    ) -> np.ndarray:
        draws, poses = self.draws, matrices(*self.draws.views[rows].T)
        grid, wet = (self.box, self.pixel_size), None
        if around and rng:
            wet = spectra(around, [rng(int(row)) for row in rows], seen_from(poses, seen), *grid)
        optics = self.lens, draws.defocus_of(rows)
        return clean_images(specimen, poses, draws.origins[rows], *optics, *grid, self.bfactor, wet, seen,
                            self.ewald)  # fmt: skip
