"""What was found, in the table's columns and in words."""

from pathlib import Path

import numpy as np

from spa.io.star import Tables
from spa.recipe.optics import Given
from spa_plugins.optics_defocus.measured import CHANGE, Measured


def tables_of(given: Given, found: Measured) -> Tables:
    """The document with the usable rows' CTFs changed."""
    stack, rows = given.stack, found.rows
    p = stack.particles
    mean, half = (p.defocus_u + p.defocus_v)[rows] / 2, (p.defocus_u - p.defocus_v)[rows] / 2
    angle = p.defocus_angle[rows]
    columns: dict[str, np.ndarray] = {}
    if found.changes is not None:
        mean = mean + found.changes.mean - found.before
        columns |= {CHANGE: found.changes.mean, "spaDefocusError": found.changes.deviation}
    if found.astigmatism.any():
        more = found.astigmatism[found.film]
        cosine, sine = half * np.cos(2 * angle) + more[:, 0], half * np.sin(2 * angle) + more[:, 1]
        half, angle = np.hypot(cosine, sine), np.arctan2(sine, cosine) / 2
    columns |= {"rlnDefocusU": mean + half, "rlnDefocusV": mean - half, "rlnDefocusAngle": np.rad2deg(angle)}
    if found.phase_shift.any():
        columns["rlnPhaseShift"] = np.rad2deg(p.phase_shift[rows] + found.phase_shift[found.film])
    return stack.tables.with_block("particles", stack.table(rows).with_columns(**columns))


def summary(given: Given, found: Measured) -> str:
    """How much was changed, and how surely."""
    said = []
    if found.changes is not None:
        change = found.changes
        root = float(np.sqrt(((change.mean - found.before) ** 2).mean()))
        said.append(f"defocus changed by {root:.0f} A (rms), known to {np.median(change.deviation):.0f} A (median)")
    if found.astigmatism.any():
        said.append(f"astigmatism by {np.hypot(*found.astigmatism.T).mean() * 2:.0f} A (mean of U - V)")
    if found.phase_shift.any():
        said.append(f"phase shift by {np.rad2deg(np.sqrt((found.phase_shift**2).mean())):.1f} deg (rms)")
    band = f"{given.resolution(given.first):.0f} to {given.resolution(given.last):.2f} A"
    return f"{', '.join(said) or 'nothing changed'}; {len(found.rows)} particles, {band}"


def draw(path: Path, given: Given, found: Measured) -> None:
    """The changes, how sure they are, and the micrographs' means."""
    from spa.plot import defocus
    from spa.plot.figure import save

    names = given.stack.particles.micrographs[found.rows]
    save(defocus.overview(found.changes, found.film, names, found.astigmatism, np.rad2deg(found.phase_shift)), path)
