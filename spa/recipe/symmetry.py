"""From the map of a stream to its point group, and to a table of it."""

from dataclasses import dataclass

import numpy as np

from spa.errors import UsageError
from spa.io.mrc import Image
from spa.io.star import Table, Tables
from spa.job import maps
from spa.job.run import Run
from spa.model.poses import eulers
from spa.symmetry import detect, place
from spa.symmetry.detect import Candidate
from spa.volume.fsc import crossing
from spa.volume.symmetry import canonical, operators, within

BLOCK = "symmetry"
AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Found:
    """The map, the groups that were looked at (the best first), the one that is taken (None: C1), shells in use."""

    image: Image
    candidates: list[Candidate]
    chosen: Candidate | None
    radius: int

    @property
    def resolution(self) -> float:
        """Of what was compared, angstroms."""
        return len(self.image.data) * self.image.pixel_size / self.radius

    def agreement(self, one: Candidate) -> float:
        """Where the map and its copies part (FSC 0.5), angstroms; 0 where they do not in what was compared."""
        shell = crossing(one.agreement, 0.5)
        return 0.0 if shell >= self.radius else len(self.image.data) * self.image.pixel_size / shell

    def table(self) -> Table:
        """data_symmetry: angles of a view along the group's z axis, and its origin, in the map as it is."""
        rows = self.candidates
        angles = np.rad2deg(eulers(np.stack([one.frame for one in rows])))
        centre = np.stack([one.centre for one in rows]) * self.image.pixel_size
        return Table.of(
            spaSymmetry=[one.group.name for one in rows],
            spaChosen=[int(one is self.chosen) for one in rows],
            spaSymmetryScore=[one.score for one in rows],
            spaSymmetryWeakest=[one.weakest for one in rows],
            spaSymmetryChance=[one.chance for one in rows],
            spaSymmetrySigmas=[one.sigmas for one in rows],
            spaAgreementResolution=[self.agreement(one) for one in rows],
            rlnAngleRot=angles[:, 0], rlnAngleTilt=angles[:, 1], rlnAnglePsi=angles[:, 2],
            spaOriginX=centre[:, 0], spaOriginY=centre[:, 1], spaOriginZ=centre[:, 2],
        )  # fmt: skip

    def summary(self) -> str:
        """The group, and how sure it is; or the one that came nearest."""
        one = self.chosen or self.candidates[0]
        figures = (f"score {one.score:.2f}, weakest axis {one.weakest:.2f}, chance {one.chance:.2f}, "
                   f"{one.sigmas:.0f} sigmas, in {self.resolution:.1f} A")  # fmt: skip
        return f"{one.group.name}: {figures}" if self.chosen else f"C1 (nearest: {one.group.name}, {figures})"


def foreign(tables: Tables, symmetry: str) -> str | None:
    """What to say where the stream's maps were made in a point group that has not all rotations of this one."""
    made = maps.made_in(tables)
    if made is None or within(operators(symmetry), operators(made)):
        return None
    return (
        f"the maps of these poses were made in {made}, whose axes need not be those of {canonical(symmetry)}: "
        "`spa symmetry align` lays map and poses on them"
    )


def looked_for(
    run: Run, star: str, map_file: str | None, number: int | None, max_resolution: float | None, most: int,
    symmetry: str = AUTO,
) -> tuple[Tables | None, Found]:  # fmt: skip
    """The stream (None where none is read) and what is found in its map, or of the group that is named."""
    name = None if symmetry.strip().lower() == AUTO else canonical(symmetry)
    if name in ("C1", "D1"):
        raise UsageError(f"--symmetry {symmetry}: it has no axes to lay a map on")
    tables = maps.stream(run, star, enough=bool(map_file))
    image = maps.read_mean(run, tables, map_file, number)
    radius = _radius(image, max_resolution)
    curve = _curve(run, tables, image, number, map_file)
    if name:
        one = detect.placed(image.data, name, radius, curve)
        return tables, Found(image, [one], one, len(one.agreement) - 1)
    found = detect.detected(image.data, radius, most, curve)
    ranked = sorted(found.candidates, key=lambda one: one is not found.chosen)
    return tables, Found(image, ranked, found.chosen, found.radius)


def _radius(image: Image, max_resolution: float | None) -> int | None:
    box = len(image.data)
    if max_resolution is None:
        return None
    width = box * image.pixel_size
    if max_resolution < 2 * image.pixel_size or max_resolution > width / 4:
        least = 2 * image.pixel_size
        raise UsageError(f"--max-resolution {max_resolution:g}: {least:g} to {width / 4:g} A makes sense for this map")
    return int(min(np.rint(width / max_resolution), box // 2 - 1))


def _curve(
    run: Run, tables: Tables | None, image: Image, number: int | None, map_file: str | None
) -> np.ndarray | None:
    """What the stream's FSC says of the mean of the halves, where it is of this map."""
    name = None if map_file else maps.find(tables, "fsc", None, number)
    if name is None:
        return None
    curve, _ = maps.fsc_curve(run, name)
    curve = np.clip(curve, 0, 1)
    return 2 * curve / (1 + curve) if len(curve) == len(image.data) // 2 + 1 else None


def draw(found: Found, path: str) -> None:
    """Scores against chance, and the map as it lies on the axes."""
    from spa.plot import symmetry
    from spa.plot.figure import save

    volume, one = found.image.data, found.chosen
    laid = volume if one is None else place.laid(volume, one.frame, one.centre)
    rows = [(c.group.name, c.score, c.weakest, c.chance, c is one) for c in found.candidates]
    save(symmetry.overview(rows, laid, found.image.pixel_size, found.summary()), path)
