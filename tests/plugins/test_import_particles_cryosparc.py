"""`spa import particles`: datasets of cryoSPARC."""

import io

import numpy as np
import pytest

from spa.io import star
from spa.io.stacks import ImageSource
from spa.model.particles import particles_of
from spa.model.poses import matrices
from spa.testing import run_spa
from spa.volume.rotations import from_rotation_vectors


@pytest.fixture
def folder(five_images):
    return five_images


def tables(result) -> star.Tables:
    return star.read(io.StringIO(result.stdout))


def dataset(folder, **fields) -> np.ndarray:
    n = 4
    rng = np.random.default_rng(1)
    columns = {
        "uid": np.arange(n).astype("u8") + 2**63, "blob/path": np.array([b">s.mrcs"] * n),
        "blob/idx": np.arange(n).astype("u4"), "blob/shape": np.full((n, 2), 24, "u4"),
        "blob/psize_A": np.full(n, 1.5, "f4"), "blob/sign": np.full(n, -1, "f4"),
        "ctf/exp_group_id": np.array([3, 3, 8, 3], "u4"), "ctf/accel_kv": np.full(n, 300, "f4"),
        "ctf/cs_mm": np.full(n, 2.7, "f4"), "ctf/amp_contrast": np.full(n, 0.1, "f4"),
        "ctf/df1_A": np.full(n, 2e4, "f4"),
        "ctf/df2_A": np.full(n, 1.9e4, "f4"), "ctf/df_angle_rad": np.full(n, np.pi / 4, "f4"),
        "ctf/phase_shift_rad": np.full(n, np.pi / 2, "f4"), "alignments3D/pose": rng.normal(size=(n, 3)).astype("f4"),
        "alignments3D/shift": np.array([[1, 2]] * n, "f4"), "alignments3D/psize_A": np.full(n, 3.0, "f4"),
        "alignments3D/split": np.array([0, 1, 1, 0], "u4"), "alignments3D/class": np.zeros(n, "u4"), **fields,
    }  # fmt: skip
    data = np.empty(n, [(name, value.dtype, value.shape[1:]) for name, value in columns.items()])
    for name, value in columns.items():
        data[name] = value
    return data


def save(path, data: np.ndarray) -> None:
    with path.open("wb") as stream:
        np.save(stream, data)


def test_a_cryosparc_dataset_in_relions_conventions(folder) -> None:
    data = dataset(folder)
    save(folder / "p.cs", data)
    result = run_spa("import", "particles", "p.cs", cwd=folder)
    assert result.status == 0
    table = tables(result)
    rows = table["particles"]
    assert rows.text("rlnImageName").tolist() == [f"{n:06d}@s.mrcs" for n in range(1, 5)]
    assert rows.ints("rlnOpticsGroup").tolist() == [1, 1, 2, 1]
    assert rows.ints("rlnRandomSubset").tolist() == [1, 2, 2, 1]
    assert rows.ints("rlnClassNumber").tolist() == [1] * 4
    assert rows.text("spaCryosparcUid")[3] == str(2**63 + 3)
    np.testing.assert_allclose(rows.floats("rlnDefocusAngle"), 45, rtol=1e-6)
    np.testing.assert_allclose(rows.floats("rlnPhaseShift"), 90, rtol=1e-6)
    np.testing.assert_allclose(rows.floats("rlnOriginXAngst"), 3)
    np.testing.assert_allclose(rows.floats("rlnOriginYAngst"), 6)
    found = matrices(*particles_of(table).euler.T)
    np.testing.assert_allclose(found, from_rotation_vectors(data["alignments3D/pose"]).transpose(0, 2, 1), atol=1e-6)
    assert "particles are dark" in result.stderr


def test_dark_particles_are_turned_white_when_normalised(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    save(folder / "p.cs", dataset(folder))
    for options, sign in (((), -1), (("--no-invert",), 1)):
        result = run_spa("import", "particles", "p.cs", "--normalise", "--no-ramp", "-d", "out", *options)
        assert result.status == 0, result.stderr
        new = ImageSource(tables(result)["particles"].listed("rlnImageName")).read([0])[0]
        old = ImageSource(["1@s.mrcs"]).read([0])[0]
        assert np.sign(np.corrcoef(new.ravel(), old.ravel())[0, 1]) == sign


def test_passthrough_fields_are_joined_by_uid(folder) -> None:
    data = dataset(folder)
    names = list(data.dtype.names)
    fields = [("uid", "u8"), ("location/micrograph_path", "S20"), ("location/micrograph_shape", "u4", (2,)),
              ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
              ("location/micrograph_psize_A", "f4")]  # fmt: skip
    location = np.empty(4, fields)
    location["uid"] = data["uid"][::-1]
    location["location/micrograph_path"] = [b">m4.mrc", b"m3.mrc", b"m2.mrc", b"m1.mrc"]
    location["location/micrograph_shape"] = (1000, 2000)
    location["location/center_x_frac"], location["location/center_y_frac"] = 0.25, 0.1
    location["location/micrograph_psize_A"] = 0.75
    save(folder / "p.cs", data[[name for name in names if not name.startswith("ctf/d")]])
    save(folder / "ctf.cs", data[["uid", "ctf/df1_A", "ctf/df2_A", "ctf/df_angle_rad"]])
    save(folder / "loc.cs", location)
    for option, y in ((), 100), (("--invert-y",), 900):
        both = ("--passthrough", "ctf.cs", "--passthrough", "loc.cs")
        imported = tables(run_spa("import", "particles", "p.cs", *both, *option, cwd=folder))
        rows, optics = imported["particles"], imported["optics"]
        assert set(optics.floats("rlnMicrographPixelSize").tolist()) == {0.75}
        assert rows.text("rlnMicrographName").tolist() == ["m1.mrc", "m2.mrc", "m3.mrc", "m4.mrc"]
        np.testing.assert_allclose(rows.floats("rlnCoordinateX"), 500)
        np.testing.assert_allclose(rows.floats("rlnCoordinateY"), y)
        assert rows.floats("rlnDefocusU").tolist() == [2e4] * 4
    save(folder / "loc.cs", location[1:])
    result = run_spa("import", "particles", "p.cs", "--passthrough", "loc.cs", cwd=folder)
    assert result.status == 65
    assert "1 of the 4 particles of p.cs are not in it" in result.stderr


def test_beam_tilt_goes_over_and_what_does_not_is_said(folder) -> None:
    tilt = np.array([[2.7e4, -5.4e4]] * 4, "f4")
    save(folder / "p.cs", dataset(folder, **{"ctf/tilt_A": tilt, "ctf/trefoil_A": tilt}))
    result = run_spa("import", "particles", "p.cs", cwd=folder)
    optics = tables(result)["optics"]
    np.testing.assert_allclose([optics.floats("rlnBeamTiltX")[0], optics.floats("rlnBeamTiltY")[0]], [1, -2], rtol=1e-5)
    assert "ctf/trefoil_A is not zero and is not carried over" in result.stderr


@pytest.mark.parametrize(
    ("raw", "status", "message"),
    [
        (b"", 65, "not a cryoSPARC dataset"),
        (b"\x94CSDAT123", 65, "CSDAT"),
        (None, 66, "no such file"),
        (b"\x93NUMPY\x01\x00", 74, "truncated"),
    ],
)
def test_bad_datasets(folder, raw: bytes | None, status: int, message: str) -> None:
    if raw is not None:
        (folder / "p.cs").write_bytes(raw)
    result = run_spa("import", "particles", "p.cs", cwd=folder)
    assert result.status == status
    assert message in result.stderr


def test_a_dataset_cut_short_and_one_without_images(folder) -> None:
    save(folder / "p.cs", dataset(folder))
    (folder / "p.cs").write_bytes((folder / "p.cs").read_bytes()[:-30])
    assert run_spa("import", "particles", "p.cs", cwd=folder).status == 74
    save(folder / "p.cs", dataset(folder)[["uid", "ctf/df1_A"]])
    result = run_spa("import", "particles", "p.cs", cwd=folder)
    assert result.status == 65
    assert "no blob/path" in result.stderr
    picks = np.zeros(2, [("uid", "<u8"), ("location/center_x_frac", "<f4"), ("location/center_y_frac", "<f4")])
    save(folder / "p.cs", picks)
    result = run_spa("import", "particles", "p.cs", cwd=folder)
    assert result.status == 65
    assert "picks, or the passthrough of a job" in result.stderr


def test_the_same_particles_from_cryosparc_and_from_star(shared_data) -> None:
    folder = shared_data / "real" / "metadata"
    ours = tables(run_spa("import", "particles", "empiar_10076_7.cs", cwd=folder))
    theirs = tables(run_spa("import", "particles", "empiar_10076_7.star", cwd=folder))
    for column in ("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"):
        np.testing.assert_allclose(ours["particles"].floats(column), theirs["particles"].floats(column), rtol=1e-5)
    assert ours["particles"].listed("rlnImageName") == theirs["particles"].listed("rlnImageName")
    for column in ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImagePixelSize", "rlnImageSize"):
        np.testing.assert_allclose(ours["optics"].floats(column), theirs["optics"].floats(column), rtol=1e-5)
