"""Where templates come from: a stack, a table of classes, the stream's classes, or a map."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spa.errors import DataError
from spa.image.quantiles import quantiles
from spa.io import mrc, pixels, star
from spa.io.stacks import parse_name
from spa.io.star import Table, Tables
from spa.job import maps
from spa.job.run import Run
from spa.picking import steer, templates
from spa.picking.steer import Polar
from spa.search.orientations import directions, frames, in_asymmetric_unit
from spa.volume.masks import soft_sphere
from spa.volume.symmetry import operators
from spa_plugins.pick_template.picking import Settings

_BLOCKS = ("classes", "model_classes")
_OTHER = 2.0  # how much wider or narrower than --diameter templates may look
_ENDS = (0.1, 0.9)  # quantiles of their widths: a class of junk tells nothing


@dataclass(frozen=True)
class Given:
    """The options that say what the templates are; pixel_size in angstroms, step in degrees."""

    templates: str | None
    map_file: str | None
    symmetry: str
    step: float
    pixel_size: float | None
    centre: bool


@dataclass(frozen=True)
class Named:
    """Harmonics of the templates, and the number of each as the user counts them."""

    polar: Polar
    number: np.ndarray


def made(run: Run, tables: Tables, given: Given, settings: Settings) -> Named:
    """The templates, ready to be turned; DataError for those that cannot be used."""
    if given.map_file:
        return _of_map(run, given, settings)
    images, number, pixel_size, where = _images(run, tables, given)
    box = images.shape[-1] * pixel_size
    if settings.diameter > box:
        raise DataError(f"{where}: templates of {images.shape[-1]} pixels of {pixel_size:g} A ({box:.0f} A) are too "
                        f"small for particles of --diameter {settings.diameter:g}")  # fmt: skip
    images = templates.evened(images)
    if np.median(templates.contrast(images, pixel_size, settings.diameter)) < 0:
        run.warn(f"{where}: the templates are darker than what is around them, and are taken inverted")
        images = -images
    _compare_widths(run, where, images, pixel_size, settings)
    cut = templates.masked(images, pixel_size, settings.diameter, given.centre)
    return Named(steer.of_images(cut, pixel_size, templates.ROOM * settings.diameter, settings.highest), number)


def _of_map(run: Run, given: Given, settings: Settings) -> Named:
    group = operators(given.symmetry)
    image = maps.read(run, str(given.map_file))
    pixel_size = given.pixel_size or image.pixel_size
    box = len(image.data) * pixel_size
    if settings.diameter > box:
        raise DataError(f"{image.path}: a map of {len(image.data)} pixels of {pixel_size:g} A ({box:.0f} A) is too "
                        f"small for particles of --diameter {settings.diameter:g}")  # fmt: skip
    if len(image.data) % 2:
        raise DataError(f"{image.path}: a box of {len(image.data)} pixels; an even one is needed")
    data, edge = image.data, 0.1 * settings.diameter / pixel_size
    middle = data - np.median(data)
    if float((middle**3).sum(dtype=np.float64)) < 0:
        run.warn(f"{image.path}: protein is darker than the solvent in this map, which is taken inverted")
        middle = -middle
    volume = middle * soft_sphere(len(data), settings.diameter / 2 / pixel_size, edge)
    views = directions(np.deg2rad(given.step))
    inside = in_asymmetric_unit(views, group)
    views = views[inside] if inside.any() else views[:1]
    poses = frames(views, np.zeros(len(views)))
    views_along_axes = np.stack([volume.sum(axis) for axis in range(3)])
    _compare_widths(run, str(image.path), views_along_axes, pixel_size, settings)
    polar = steer.of_map(
        volume, pixel_size, poses, templates.ROOM * settings.diameter, settings.highest, run.threads
    )
    run.say(f"{len(views)} views of {image.path}")
    return Named(polar, np.arange(1, len(views) + 1))


def _compare_widths(run: Run, where: str, images: np.ndarray, pixel_size: float, settings: Settings) -> None:
    """Say where templates look far wider or narrower than the particle: mostly a wrong pixel size.

    A long particle is as narrow as can be from its end: wide views are held against half of the diameter, narrow ones
    against twice.
    """
    narrow, wide = quantiles(templates.widths(images, pixel_size), _ENDS)
    if narrow > _OTHER * settings.diameter or wide < settings.diameter / _OTHER:
        width = narrow if narrow > settings.diameter else wide
        run.warn(f"{where}: at {pixel_size:g} A a pixel the templates look {width:.0f} A wide, where --diameter is "
                 f"{settings.diameter:g}: is their pixel size right (--template-pixel-size)?")  # fmt: skip


def _images(run: Run, tables: Tables, given: Given) -> tuple[np.ndarray, np.ndarray, float, str]:
    """Images (V, n, n), their numbers, pixel size, and where they are from."""
    if given.templates and Path(given.templates).suffix != ".star":
        image = mrc.read(given.templates)
        data = np.asarray(image.data, np.float32)
        if len(set(data.shape)) == 1 and data.ndim == 3 and Path(given.templates).suffix != ".mrcs":
            raise DataError(f"{given.templates}: a cube of {len(data)} pixels, as maps are: give a map as --map (a "
                            "stack of so many images has a name in .mrcs)")  # fmt: skip
        rows = data.reshape(-1, *data.shape[-2:])
        return _usable(run, list(rows), range(1, len(rows) + 1), given.templates, image.pixel_size, given)
    source = star.read(given.templates) if given.templates else tables
    return _of_table(run, source, given)


def _of_table(run: Run, source: Tables, given: Given) -> tuple[np.ndarray, np.ndarray, float, str]:
    block = next((name for name in _BLOCKS if name in source), None)
    if block is None:
        raise DataError(f"{source.source}: no data_classes in it; name --templates or --map")
    table = source[block]
    names = table.text("rlnReferenceImage")
    chosen = _with_particles(source, table)
    held: dict[str, mrc.Image] = {}
    images = []
    for name in names[chosen]:
        index, path = parse_name(name)
        if path not in held:
            held[path] = mrc.read(run.input(path))
        data = held[path].data.reshape(-1, *held[path].data.shape[-2:])
        if index >= len(data):
            raise DataError(f"{table.where}: {name}: the stack has {len(data)} images")
        images.append(np.asarray(data[index], np.float32))
    first = next(iter(held))
    return _usable(run, images, (chosen + 1).tolist(), first, held[first].pixel_size, given)


def _with_particles(source: Tables, table: Table) -> np.ndarray:
    """Rows of the classes that particles are in; all where the table has none, or does not say."""
    if not len(table):
        raise DataError(f"{table.where} has no rows")
    if "particles" not in source or "rlnClassNumber" not in source["particles"]:
        return np.arange(len(table))
    number = np.unique(source["particles"].ints("rlnClassNumber")) - 1
    if not len(number) or number.min() < 0 or number.max() >= len(table):
        raise DataError(f"{table.where}: {len(table)} classes, but particles of class {number.max(initial=-1) + 1}")
    return number


def _usable(
    run: Run, images: list[np.ndarray], numbers: object, where: str, pixel_size: float, given: Given
) -> tuple[np.ndarray, np.ndarray, float, str]:
    """Those of the images that show something; DataError for pixels, shapes or a pixel size that make no sense."""
    numbered = list(zip(numbers, images))  # type: ignore[call-overload]
    shape = images[0].shape
    if len({image.shape for image in images}) > 1 or shape[0] != shape[1]:
        raise DataError(f"{where}: templates are square and of one size, these are "
                        f"{' and '.join(sorted({f'{i.shape[1]} x {i.shape[0]}' for i in images}))} pixels")  # fmt: skip
    for number, image in numbered:
        pixels.require_finite(image, f"{where}: template {number}")
    kept = [(number, image) for number, image in numbered if image.min() < image.max()]
    if not kept:
        raise DataError(f"{where}: none of its {len(images)} templates shows anything: their pixels are all equal")
    if len(kept) < len(images):
        run.note(f"{where}: {len(images) - len(kept)} of {len(images)} templates are empty, and are left aside")
    size = given.pixel_size or pixel_size
    if not size > 0:
        raise DataError(f"{where}: no pixel size in its header; say it with --template-pixel-size")
    return np.stack([image for _, image in kept]), np.array([number for number, _ in kept]), size, where
