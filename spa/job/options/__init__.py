"""The options that jobs share, spelt once."""

from spa.job.options.every import (
    INPUT_FILE,
    INPUT_TABLE,
    NEUTRAL,
    STANDARD,
    InputFile,
    InputTable,
    by_hand,
    cores,
    least_first,
    outdir,
    page,
    plot,
    rejected,
    seed,
    standard,
    star_in,
    star_out,
)  # fmt: skip
from spa.job.options.images import (
    DOSES,
    PIXEL,
    background,
    crop,
    everywhere,
    float16,
    lens,
    microscope,
    movies,
    optics_group,
    picks,
    seen_through,
    specimen,
)  # fmt: skip
from spa.job.options.maps import half_maps, map_symmetry, mask, one_map
from spa.job.options.refiners import (
    comparison,
    ewald,
    iterations,
    refinement,
    relaxation,
    search,
    solvent_mask,
    variable,
)

__all__ = [
    "DOSES", "INPUT_FILE", "INPUT_TABLE", "NEUTRAL", "PIXEL", "STANDARD", "InputFile", "InputTable", "background",
    "by_hand", "comparison", "cores", "crop", "everywhere", "ewald", "float16", "half_maps", "iterations",
    "least_first", "lens", "map_symmetry", "mask", "microscope", "movies", "one_map", "optics_group", "outdir",
    "page", "picks", "plot", "refinement", "rejected", "relaxation", "search", "seed", "seen_through", "solvent_mask",
    "specimen", "standard", "star_in", "star_out", "variable",
]  # fmt: skip
