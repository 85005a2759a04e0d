"""A cryoSPARC dataset as RELION's tables.

Conventions: the pose is a rotation vector whose matrix, transposed, has the image's axes in the volume as rows (as
cryoDRGN and pyem take it); shifts are pixels of the alignment's own pixel size, with RELION's sign; image numbers,
half-sets and classes count from 0. Source: Punjani et al., Nat. Methods 14 (2017) 290; cryoSPARC's guide.
"""

from typing import Any

import numpy as np

from spa.errors import DataError
from spa.io.cryosparc import locations, paths
from spa.io.stacks import image_name
from spa.io.star import Table, Tables
from spa.model.poses import eulers
from spa.volume.rotations import from_rotation_vectors

_OPTICS = {
    "ctf/accel_kv": "rlnVoltage", "ctf/cs_mm": "rlnSphericalAberration", "ctf/amp_contrast": "rlnAmplitudeContrast",
}  # fmt: skip
_LEFT_OUT = ("ctf/trefoil_A", "ctf/tetra_A", "ctf/anisomag", "ctf/shift_A")


def tables_of(data: np.ndarray, name: str, invert_y: bool = False) -> Tables:
    """``data_optics`` and ``data_particles`` of a dataset; DataError where it has no images (``blob/…``).

    invert_y: count the coordinates' rows from the other end, for micrographs whose rows run the other way.
    """
    fields = set(data.dtype.names or ())
    if "blob/path" not in fields and "location/center_x_frac" in fields:
        raise DataError(f"{name}: places of particles, without images (no blob/path): picks, or the passthrough of a "
                        "job, whose own .cs it goes with (--passthrough); spa import picks reads picks")  # fmt: skip
    for needed in ("blob/path", "blob/idx"):
        if needed not in fields:
            raise DataError(f"{name}: no {needed} in it: these are no particles (or --passthrough has it)")
    names = map(image_name, data["blob/idx"].tolist(), paths(data["blob/path"]))
    columns: dict[str, Any] = {"rlnImageName": list(names)}
    columns |= locations(data, invert_y)
    optics, group = _optics(data, fields)
    columns["rlnOpticsGroup"] = group
    columns |= _ctf(data, fields) | _poses(data, fields)
    if "uid" in fields:
        columns["spaCryosparcUid"] = data["uid"]
    return Tables(source=name).with_block("optics", optics).with_block("particles", Table.of(**columns))


def dark(data: np.ndarray) -> bool:
    """Whether the dataset says that its particles are dark on light (``blob/sign`` -1)."""
    return "blob/sign" in (data.dtype.names or ()) and bool((data["blob/sign"] < 0).any())


def left_out(data: np.ndarray) -> list[str]:
    """Fields with a meaning that RELION's tables could hold, not zero, and not carried over."""
    names = data.dtype.names or ()
    return [field for field in _LEFT_OUT if field in names and np.any(data[field])]


def _optics(data: np.ndarray, fields: set[str]) -> tuple[Table, np.ndarray]:
    """The optics table, and the group of each row: one for each exposure group and set of optics."""
    columns: dict[str, np.ndarray] = {new: data[old] for old, new in _OPTICS.items() if old in fields}
    if "blob/psize_A" in fields:
        columns["rlnImagePixelSize"] = data["blob/psize_A"]
    if "location/micrograph_psize_A" in fields:
        columns["rlnMicrographPixelSize"] = data["location/micrograph_psize_A"]
    if "blob/shape" in fields:
        columns["rlnImageSize"] = data["blob/shape"][:, 0].astype(np.int64)
    columns |= _beam_tilt(data, fields)
    exposure = data["ctf/exp_group_id"].tolist() if "ctf/exp_group_id" in fields else [0] * len(data)
    keys = list(zip(exposure, *(column.tolist() for column in columns.values())))
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    order = sorted(first.values())
    number = {keys[row]: group for group, row in enumerate(order, start=1)}
    names = [f"opticsGroup{group}" for group in range(1, len(order) + 1)]
    table = Table.of(
        rlnOpticsGroupName=names, rlnOpticsGroup=np.arange(1, len(order) + 1),
        **{name: column[order] for name, column in columns.items()},
        **({"rlnImageDimensionality": 2} if "blob/shape" in fields else {}),
    )  # fmt: skip
    return table, np.array([number[key] for key in keys])


def _beam_tilt(data: np.ndarray, fields: set[str]) -> dict[str, np.ndarray]:
    """Milliradians, from Cs times the tilt in angstroms."""
    if "ctf/tilt_A" not in fields or "ctf/cs_mm" not in fields or not np.any(data["ctf/tilt_A"]):
        return {}
    with np.errstate(divide="ignore", invalid="ignore"):
        tilt = 1e3 * np.arcsin(data["ctf/tilt_A"].astype(np.float64) / (data["ctf/cs_mm"][:, None] * 1e7))
    return {"rlnBeamTiltX": np.nan_to_num(tilt[:, 0]), "rlnBeamTiltY": np.nan_to_num(tilt[:, 1])}


def _ctf(data: np.ndarray, fields: set[str]) -> dict[str, np.ndarray]:
    if "ctf/df1_A" not in fields:
        return {}
    columns = {
        "rlnDefocusU": data["ctf/df1_A"], "rlnDefocusV": data["ctf/df2_A"],
        "rlnDefocusAngle": _degrees(data["ctf/df_angle_rad"]),
    }  # fmt: skip
    if "ctf/phase_shift_rad" in fields:
        columns["rlnPhaseShift"] = _degrees(data["ctf/phase_shift_rad"])
    if "ctf/bfactor" in fields:
        columns["rlnCtfBfactor"] = data["ctf/bfactor"]
    if "ctf/scale" in fields:
        columns["rlnCtfScalefactor"] = data["ctf/scale"]
    if "ctf/ctf_fit_to_A" in fields:
        columns["rlnCtfMaxResolution"] = data["ctf/ctf_fit_to_A"]
    return columns


def _poses(data: np.ndarray, fields: set[str]) -> dict[str, np.ndarray]:
    kind = next((kind for kind in ("alignments3D", "alignments2D") if f"{kind}/pose" in fields), None)
    if kind is None:
        return {}
    pose = data[f"{kind}/pose"].astype(np.float64)
    if kind == "alignments3D":
        angles = np.rad2deg(eulers(from_rotation_vectors(pose).transpose(0, 2, 1)))
        columns = dict(zip(("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"), angles.T))
    else:
        columns = {"rlnAnglePsi": np.rad2deg(np.angle(np.exp(1j * pose)))}
    size = data[f"{kind}/psize_A"] if f"{kind}/psize_A" in fields else data["blob/psize_A"]
    origin = data[f"{kind}/shift"].astype(np.float64) * size.astype(np.float64)[:, None]
    columns |= {"rlnOriginXAngst": origin[:, 0], "rlnOriginYAngst": origin[:, 1]}
    if f"{kind}/class" in fields:
        columns["rlnClassNumber"] = data[f"{kind}/class"].astype(np.int64) + 1
    split = data[f"{kind}/split"] if f"{kind}/split" in fields else np.zeros(0)
    if kind == "alignments3D" and len(np.unique(split)) == 2:
        columns["rlnRandomSubset"] = split.astype(np.int64) + 1
    return columns


def _degrees(radians: np.ndarray) -> np.ndarray:
    return np.rad2deg(radians.astype(np.float64)).astype(np.float32)
