"""What the simulations image, as options ask for it, and the optics that it is seen through."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.ctf import Lens
from spa.io import atoms, mrc
from spa.io.star import Table
from spa.job import maps, memory
from spa.job.run import Run
from spa.simulate import specimen
from spa.simulate.broken import FORMS, with_broken


@dataclass(frozen=True)
class Asked:
    """The options of `spa.job.options.specimen`, as the user gave them; lengths in angstroms."""

    map_file: str | None
    model: str | None
    assembly: str | None
    symmetry: str
    specimen_diameter: float | None
    box: int | None
    pixel_size: float | None
    broken: float = 0.0

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Asked":
        """From all options of a command."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


def made(run: Run, asked: Asked) -> specimen.Specimen:
    """The specimen; said where it hardly has the symmetry that it is averaged over."""
    given = read(run, asked)
    side, pixel_size = specimen.grid_for(given, asked.box, asked.pixel_size)
    kept = 1 + (FORMS if asked.broken else 0)
    memory.require(kept * specimen.memory_for(side), f"a box of {side} pixels")
    found = specimen.made(given, side, pixel_size, asked.symmetry, asked.specimen_diameter, run.rng("phantom"),
                          run.threads)  # fmt: skip
    if found.agreement < specimen.AGREES:
        run.warn(f"what is imaged hardly has symmetry {asked.symmetry} about its axes: correlation "
                 f"{found.agreement:.2f} with its average")  # fmt: skip
    return with_broken(found, asked.broken, run.rng("broken"))


def read(run: Run, asked: Asked) -> mrc.Image | atoms.Atoms | None:
    """A map, the atoms of a model (with its assembly built), or None when neither is named."""
    if asked.map_file and asked.model:
        raise UsageError("--map and --model: give one of them")
    if asked.specimen_diameter and (asked.map_file or asked.model):
        raise UsageError("--specimen-diameter: it is of the built-in phantom, not of a --map or --model")
    if asked.assembly and not asked.model:
        raise UsageError("--assembly: it belongs to a --model")
    if asked.model:
        return atoms.read(asked.model, asked.assembly)
    if not asked.map_file:
        return None
    found = maps.read(run, asked.map_file, contrast=False)
    if not found.data.max() > 0:
        raise DataError(f"{asked.map_file}: no positive density in it")
    return found


def optics(lens: Lens, pixel_size: float, groups: int = 1, **more: float) -> Table:
    """``data_optics`` of groups that are alike; more: columns of one value."""
    number = np.arange(1, groups + 1)
    same = {
        "rlnMicrographOriginalPixelSize": pixel_size, "rlnVoltage": lens.voltage,
        "rlnSphericalAberration": lens.cs, "rlnAmplitudeContrast": lens.contrast, **more,
    }  # fmt: skip
    return Table.of(
        rlnOpticsGroupName=[f"opticsGroup{one}" for one in number], rlnOpticsGroup=number,
        **{name: np.full(groups, value) for name, value in same.items()},
    )  # fmt: skip
