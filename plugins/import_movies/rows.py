"""The options that go into every row, and the movies that they fit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spa.errors import DataError, SpaError, UsageError
from spa.job.run import Run
from spa_plugins.import_movies import facts

Found = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Camera:
    """The options of the camera; None where they were not said."""

    dose: float | None
    pre_dose: float | None
    gain: str | None
    rotate: int
    flip: int
    defects: str | None
    fraction: int
    upsample: int
    of_eer: bool = False  # whether something was said of EER movies

    def columns(self, one: dict[str, Any]) -> dict[str, Any]:
        """RELION's columns of what was said, the same in every row; one: what a movie is."""
        found: dict[str, Any] = {}
        found.update({} if self.dose is None else {"rlnMicrographDoseRate": self.dose})
        found.update({} if self.pre_dose is None else {"rlnMicrographPreExposure": self.pre_dose})
        if self.gain is not None:
            found["rlnMicrographGainName"] = self.gain
            if self.rotate or self.flip:
                found.update(spaGainRotate=self.rotate, spaGainFlip=self.flip)
        found.update({} if self.defects is None else {"rlnMicrographDefectFile": self.defects})
        if one["eer"]:
            found.update(rlnEERGrouping=self.fraction, rlnEERUpsampling=self.upsample)
        return found


def camera_of(
    dose: float | None, pre_dose: float | None, gain: str | None, gain_rotate: str | None, gain_flip: str | None,
    defects: str | None, eer_fraction: int | None, eer_upsample: str | None,
) -> Camera:  # fmt: skip
    """The options of `spa.job.options.movies`, numbers for choices. UsageError: a gain is turned that is not there."""
    rotate, flip = int(gain_rotate or 0), int(gain_flip or 0)
    if gain is None and (rotate or flip):
        raise UsageError("--gain-rotate and --gain-flip go with --gain, and do nothing without it")
    return Camera(dose, pre_dose, gain, rotate, flip, defects, eer_fraction or 32, int(eer_upsample or 1),
                  bool(eer_fraction or eer_upsample))  # fmt: skip


def fitting(run: Run, found: list[Found], camera: Camera) -> Iterator[Found]:
    """The movies that are as long as the others and of the gain's shape; the rest is named and left out."""
    frames, eer = facts.usual([one for _, one in found], "frames"), facts.usual([one for _, one in found], "eer")
    reference = facts.Reference(camera.gain, camera.rotate, camera.flip, camera.defects, eer)
    if camera.of_eer and not any(one["eer"] for _, one in found):
        raise UsageError("--eer-fraction and --eer-upsample are of EER movies; these are not")
    if eer and camera.gain is None:
        run.warn("EER movies without --gain: the camera's pattern and bad pixels stay in the frames")
    count, first = 0, None
    for name, one in found:
        try:
            if one["eer"] != eer:
                raise DataError(f"{name}: EER and other movies are of different cameras; import them apart")
            facts.require_length(name, one["frames"], frames)
            reference.require((one["ny"], one["nx"]))
        except SpaError as error:
            text = str(error) if name in str(error) else f"{name}: {error}"
            first = first or text
            run.leave_out(DataError(text))
            continue
        count += 1
        yield name, one
    if not count:
        raise DataError(f"none of {len(found)} movies could be taken; the first: {first}")
