"""From a table of picks to stacks and a table of particles."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spa.errors import DataError, UsageError
from spa.image.boxes import fits, varied
from spa.image.extraction import Extraction
from spa.image.lone import filled
from spa.io import mrc, pixels
from spa.io.stacks import image_name
from spa.io.star import Table, Tables
from spa.job import extraction
from spa.job.micrographs import file_names
from spa.job.run import Run
from spa.model.upgrade import upgraded
from spa.recipe.device import device_of, refuse_cuda
from spa_plugins.extract_particles.rows import Picks, joined, particle_optics

_BATCH = 128
Images = Callable[[Extraction, np.ndarray, np.ndarray], Iterator[np.ndarray]]  # of a micrograph, centres (n, 2)


@dataclass(frozen=True)
class Settings:
    """The options of the job: how images are made, where (``centre``: angstroms in the map), and how they are kept.

    pixel_size: of the images, angstroms, whatever the micrographs' is; None: theirs, times box / crop.
    """

    how: Extraction
    recenter: bool
    centre: tuple[float, float, float] | None
    float16: bool
    virtual: bool
    min_score: float | None
    pixel_size: float | None = None

    def check(self) -> None:
        """UsageError for sizes that cannot be."""
        box, crop = self.how.box, self.how.crop
        for name, value in (("--box", box), ("--crop", crop)):
            if value % 2:
                raise UsageError(f"{name} {value}: an even number of pixels is needed")
        if crop > box:
            raise UsageError(f"--crop {crop} is larger than --box {box}")
        if self.centre and not self.recenter:
            raise UsageError("--center says where --recenter moves the boxes; give both")
        if self.virtual and self.float16:
            raise UsageError("--virtual and --float16 exclude each other: nothing is stored")
        if self.virtual and self.pixel_size:
            raise UsageError("--virtual and --pixel-size exclude each other: a virtual table knows one box")

    def of(self, pixel_size: float) -> tuple[Extraction, float]:
        """How images of a micrograph of a pixel size are made, and theirs; DataError where it is coarser."""
        if self.pixel_size is None:
            return self.how, pixel_size * self.how.box / self.how.crop
        step = self.pixel_size / pixel_size
        if abs(step - 1) < 1e-4:
            return self.how, self.pixel_size
        if step < 1:
            raise DataError(f"--pixel-size {self.pixel_size:g}: micrographs of {pixel_size:g} A a pixel show nothing "
                            "so fine; the coarsest of them says how small it can be")  # fmt: skip
        return replace(self.how, box=2 * int(np.ceil(self.how.crop * step / 2)), step=step), self.pixel_size


def extract(run: Run, tables: Tables, beside: Tables | None, settings: Settings) -> Tables:
    """Write the stacks into run.outdir; the document with ``data_optics`` and ``data_particles`` of what was cut.

    Other tables, such as ``data_maps`` and the micrographs, stay in it.
    """
    picks = joined(tables, beside, settings.recenter, settings.centre, settings.min_score)
    for error in picks.errors:
        run.leave_out(error)
    settings.of(float(picks.pixel_size.max()))
    names = list(dict.fromkeys(picks.micrograph))
    assert run.outdir is not None
    files = file_names(run.outdir, names, ".mrcs")

    images = _images(run, settings)

    def work(name: str) -> dict[str, Any]:
        rows = np.flatnonzero(picks.micrograph == name)
        kept, flat, lone = _cut_micrograph(
            name, str(files[name]), picks.centre[rows], picks.pixel_size[rows[0]], settings, images
        )
        stack = name if settings.virtual else str(files[name])
        edge = len(rows) - len(kept) - flat
        return {"stack": stack, "rows": rows[kept].tolist(), "flat": flat, "edge": edge, "lone": lone}

    done = [result for _, result in run.each(names, work, lambda name: name, "micrograph")]
    table = _particles(picks, done)
    edge, flat, lone = (sum(result.get(why, 0) for result in done) for why in ("edge", "flat", "lone"))
    if not len(table):
        box, each = settings.how.box, f" of {settings.pixel_size:g} A" if settings.pixel_size else ""
        reasons = [f"{edge} boxes of {box} pixels{each} reach over their micrographs' edges"] * bool(edge)
        reasons += [f"{flat} have nothing in them"] * bool(flat)
        raise DataError(f"no particles: all {' or '.join(reasons)}")
    counts = [len(result["rows"]) for result in done]
    but = f"; {edge} left out because their boxes reach over the edge (--pad fills them)" if edge else ""
    but += f"; {flat} left out because all pixels of their boxes are the same" if flat else ""
    but += f"; {lone} pixels that stood alone far from all around them are as these are" if lone else ""
    usual = f"{np.median(counts):.0f} a micrograph (median)"
    run.summary(f"{len(table)} particles of {settings.how.crop} pixels, {usual}{but}")
    optics = particle_optics(picks.optics, settings.how.box, settings.how.crop, settings.pixel_size)
    blocks = {"optics": optics, "particles": table}
    if settings.virtual:
        blocks[extraction.BLOCK] = extraction.block(settings.how)
    rest = upgraded(tables).blocks
    others = {name: one for name, one in rest.items() if name not in ("", extraction.BLOCK, *blocks)}
    return Tables(blocks | others, tables.history, tables.source)


def _images(run: Run, settings: Settings) -> Images:
    """Who makes images of a micrograph's boxes: this processor, or what --device names; in batches."""
    if settings.virtual:
        refuse_cuda(run, "--virtual, which makes no images,")
    device = device_of(run)
    if device is None:
        return lambda how, micrograph, centres: (how.images(micrograph, part) for part in _batches(centres))
    from spa.image import extraction_cuda

    def there(how: Extraction, micrograph: np.ndarray, centres: np.ndarray) -> Iterator[np.ndarray]:
        with device.current():
            whole = device.array(micrograph, np.float32)
        for part in _batches(centres):
            with device.current():
                found = extraction_cuda.images(how, whole, part)
            yield found

    return there


def _batches(centres: np.ndarray) -> Iterator[np.ndarray]:
    return (centres[start : start + _BATCH] for start in range(0, len(centres), _BATCH))


def _cut_micrograph(
    name: str, stack: str, centres: np.ndarray, pixel_size: float, settings: Settings, images: Images
) -> tuple[np.ndarray, int, int]:
    """Write one stack; which of the centres (n, 2) are in it, the number of boxes with nothing in them, and that of
    lone pixels which were filled."""
    image = mrc.read(name).data
    image = image[0] if image.ndim == 3 and len(image) == 1 else image
    if image.ndim != 2:
        raise DataError(f"{name}: {len(image)} images in it, where one micrograph is wanted")
    how, size = settings.of(pixel_size)
    box = how.box
    if box > min(image.shape):
        raise DataError(f"{name}: a box of {box} pixels is larger than its {image.shape[1]} x {image.shape[0]} pixels")
    found = np.asarray(image, np.float32)
    pixels.require_finite(found, name)
    pixels.require_contrast(found, name)
    found, lone = filled(found)
    inside = np.flatnonzero(fits(centres, 1 if how.pad else box, found.shape))
    kept = inside[varied(found, centres[inside], box)]
    flat = len(inside) - len(kept)
    if not len(kept) or settings.virtual:
        return kept, flat, lone
    dtype = np.float16 if settings.float16 else np.float32
    with mrc.StackWriter(stack, len(kept), how.crop, size, dtype) as writer:
        for batch in images(how, found, centres[kept]):
            writer.write(batch)
    return kept, flat, lone


def _particles(picks: Picks, done: list[dict[str, Any]]) -> Table:
    """The rows that were cut, in the order in which they came, with the names of their images."""
    rows = np.array([row for result in done for row in result["rows"]], np.int64)
    names = [image_name(i, result["stack"]) for result in done for i in range(len(result["rows"]))]
    order = np.argsort(rows, kind="stable")
    table = picks.table.take(rows[order])
    return table.with_columns(rlnImageName=np.array(names, object)[order])
