"""What was found of directions: in words, and as tables."""

from dataclasses import dataclass

import numpy as np

from spa.io.star import Table, Tables
from spa.volume.cones import Cones
from spa.volume.sampling import Sampling
from spa.volume.sphere import icosphere, trough

CFAR, SCF = 0.5, 0.81  # below them a set is suspicious
DIVISIONS = 3
NAMED = 4  # gaps that are named
MOST = 75.0  # degrees: what is wider is no gap in the views, the views are an island


def rot_tilt(direction: np.ndarray) -> tuple[float, float]:
    """Degrees of a view along a direction (3,)."""
    x, y, z = direction
    return float(np.rad2deg(np.arctan2(y, x))), float(np.rad2deg(np.arccos(np.clip(z, -1, 1))))


def words(direction: np.ndarray) -> str:
    """The direction as a user has it."""
    rot, tilt = rot_tilt(direction)
    return f"rot {rot:.0f} tilt {tilt:.0f}" if 1 < tilt < 179 else f"tilt {tilt:.0f}"


@dataclass(frozen=True, eq=False)
class Report:
    """Cones of half maps in a box of width angstroms, and the sampling by views: either may be missing."""

    cones: Cones | None
    views: Sampling | None
    width: float

    @property
    def points(self) -> np.ndarray:
        """(642, 3) the directions."""
        return icosphere(DIVISIONS)[0]

    def resolutions(self) -> np.ndarray:
        """(642,) angstroms, of each direction's cone."""
        assert self.cones is not None
        return self.width / np.maximum(self.cones.reach, 1)

    def per_direction(self) -> dict[str, np.ndarray]:
        """What is known of each direction of the sphere, by its name in figures."""
        found = {}
        if self.cones is not None:
            found["resolution (Å)"] = self.resolutions()
        if self.views is not None:
            found["views, relative to even ones"] = self.views.density
        return found

    def title(self) -> str:
        """The figures that matter."""
        found = []
        if self.cones is not None:
            resolution = self.resolutions()
            found.append(f"cFAR {self.cones.cfar:.2f}, 3DFSC sphericity {self.cones.sphericity:.3f}, cones from "
                         f"{resolution.min():.2f} to {resolution.max():.2f} A")  # fmt: skip
        if self.views is not None:
            found.append(f"SCF* {self.views.scf_star:.2f}, views from {self.views.density.min():.2f} to "
                         f"{self.views.density.max():.1f} of even ones")  # fmt: skip
        return "; ".join([*found, "suspicious" if self.warnings() else "nothing is missing"])

    def warnings(self) -> list[str]:
        """What is missing, and where."""
        found = []
        if self.cones is not None and self.cones.cfar < CFAR:
            area, points = self.cones.area, self.cones.directions
            found.append(
                f"cFAR {self.cones.cfar:.2f} is below {CFAR:g}: the map is worst about {words(trough(points, area))} "
                f"(to {self.resolutions()[area.argmin()]:.1f} A), best about {words(trough(points, -area))} "
                f"(to {self.resolutions()[area.argmax()]:.1f} A)"
            )
        if self.views is None:
            return found
        for gap in self.views.gaps[:NAMED]:
            if gap.half_angle > MOST:
                part = (1 - np.cos(np.deg2rad(gap.half_angle))) / 2
                found.append(f"hardly any views over {part:.0%} of the sphere: they crowd about "
                             f"{words(self.views.crowded)} or its opposite")  # fmt: skip
                continue
            found.append(
                f"hardly any views within about {gap.half_angle:.0f} degrees of {words(gap.direction)} "
                f"({gap.share:.0%} of what even views give)"
            )
        if len(self.views.gaps) > NAMED:
            found.append(f"and {len(self.views.gaps) - NAMED} smaller gaps: see data_gaps")
        if self.views.scf_star < SCF:
            found.append(f"SCF* {self.views.scf_star:.2f} is below {SCF:g}: the fewest slices go through the direction "
                         f"{words(self.views.least_sampled)} of Fourier space")  # fmt: skip
        return found

    def tables(self) -> Tables:
        """data_orientation, data_directions and, where there are any, data_gaps."""
        general: dict[str, float] = {}
        rot, tilt = np.array([rot_tilt(point) for point in self.points]).T
        columns: dict[str, np.ndarray] = {"rlnAngleRot": rot, "rlnAngleTilt": tilt}
        if self.cones is not None:
            general |= {"spaCfar": self.cones.cfar, "spaSphericity": self.cones.sphericity}
            columns |= {"spaConeResolution": self.resolutions(), "spaConeArea": self.cones.area}
        if self.views is not None:
            general |= {"spaScf": self.views.scf, "spaScfStar": self.views.scf_star}
            columns["spaViewDensity"] = self.views.density
        blocks = {"orientation": Table.pairs(**general), "directions": Table.of(**columns)}
        gaps = [] if self.views is None else self.views.gaps
        if gaps:
            angles = np.array([rot_tilt(gap.direction) for gap in gaps])
            blocks["gaps"] = Table.of(
                rlnAngleRot=angles[:, 0], rlnAngleTilt=angles[:, 1], spaHalfAngle=[gap.half_angle for gap in gaps],
                spaViewDensity=[gap.share for gap in gaps],
            )  # fmt: skip
        return Tables(blocks)
