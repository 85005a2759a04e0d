"""What can be imported: a STAR document of RELION 3.0 to 5, a bare stack, a cryoSPARC dataset."""

from pathlib import Path
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.io import mrc, stacks
from spa.io.star import Table, Tables
from spa.model.groups import numbered
from spa.model.upgrade import upgraded

STACKS = (".mrc", ".mrcs", ".gz", ".bz2")
IMPORTED = "spaImportedName"


def from_star(tables: Tables) -> Tables:
    """Any RELION document in RELION 5's form: optics and particles first, groups counted from 1."""
    tables = numbered(upgraded(tables))
    name = next((name for name, table in tables.blocks.items() if "rlnImageName" in table), None)
    if name is None:
        raise DataError(f"{tables.source}: no particles in it (no table with rlnImageName)")
    particles = tables[name]
    if not len(particles):
        raise DataError(f"{particles.where} has no rows")
    if "optics" not in tables:
        optics = Table.of(rlnOpticsGroupName=["opticsGroup1"], rlnOpticsGroup=[1])
        tables = tables.with_block("optics", optics)
    if "rlnOpticsGroup" not in particles:
        if len(tables["optics"]) > 1:
            raise DataError(f"{particles.where} has no column rlnOpticsGroup, and there are several groups")
        particles = particles.with_columns(rlnOpticsGroup=1)
    others = {other: table for other, table in tables.blocks.items() if other not in ("optics", name)}
    blocks = {"optics": tables["optics"], "particles": particles.named(f"{tables.source}: data_particles"), **others}
    return Tables(blocks, tables.history, tables.source)


def from_stack(path: str) -> Tables:
    """One particle for each image of a stack; nothing is known of optics but what the header says of pixels."""
    header = mrc.read_header(path)
    names = [stacks.image_name(index, path) for index in range(header.shape[0])]
    optics = Table.of(rlnOpticsGroupName=["opticsGroup1"], rlnOpticsGroup=[1])
    if header.pixel_size > 0 and header.pixel_size != 1.0:
        optics = optics.with_columns(rlnImagePixelSize=header.pixel_size)
    particles = Table.of(rlnImageName=names, rlnOpticsGroup=1)
    return Tables(source=path).with_block("optics", optics).with_block("particles", particles)


def with_optics(tables: Tables, given: dict[str, Any]) -> Tables:
    """The optics that options give, for every group; UsageError where neither they nor the file say pixel size or lens.

    given: values by column, None where the option is not there; one that is there holds for every group.
    """
    optics = tables["optics"]
    options = {"rlnImagePixelSize": "--pixel-size", "rlnVoltage": "--voltage", "rlnSphericalAberration": "--cs",
               "rlnAmplitudeContrast": "--amplitude-contrast"}  # fmt: skip
    lacking = [option for column, option in options.items() if column not in optics and given.get(column) is None]
    if lacking:
        raise UsageError(f"{tables.source} does not say all of its optics; say {', '.join(lacking)}")
    return tables.with_block("optics", optics.with_columns(**{k: v for k, v in given.items() if v is not None}))


def contradictions(tables: Tables, given: dict[str, Any]) -> list[str]:
    """In words, each value of the optics table that an option overrides with another."""
    optics = tables["optics"]
    found = []
    for column, value in given.items():
        if value is None or column not in optics or isinstance(value, str):
            continue
        said = optics.floats(column)
        if np.any(np.abs(said - value) > 1e-3 * max(abs(value), 1e-6)):
            before = ", ".join(sorted({f"{one:g}" for one in said}))
            found.append(f"{column} was {before} in the file and is now {value:g}")
    return found


def is_stack(file: str) -> bool:
    """Whether a name is that of an image file."""
    return Path(file).suffix.lower() in STACKS


def remembered(tables: Tables) -> Tables:
    """The document whose rows keep the name of the image that they come with, from the first time on."""
    table = tables["particles"]
    if IMPORTED in table:
        return tables
    return tables.with_block("particles", table.with_columns(**{IMPORTED: table.listed("rlnImageName")}))
