"""Particles and optics from tables: units at the table's edge, and plain words for what is missing."""

import numpy as np
import pytest

from spa.errors import DataError
from spa.io.star import Table, Tables
from spa.model.optics import one_pixel_size, optics_groups, require_groups
from spa.model.particles import particles_of

OPTICS = Table.of(
    rlnOpticsGroup=[1, 3], rlnOpticsGroupName=["a", "b"], rlnVoltage=[300, 200], rlnSphericalAberration=2.7,
    rlnAmplitudeContrast=0.1, rlnImagePixelSize=[1.5, 1.5], rlnImageSize=64,
)  # fmt: skip
PARTICLES = Table.of(
    rlnImageName=["000001@a.mrcs", "000002@a.mrcs"], rlnOpticsGroup=[1, 3], rlnDefocusU=[1e4, 2e4],
    rlnDefocusV=[9e3, 1.9e4], rlnDefocusAngle=[90, 45], rlnAngleRot=[180, 0], rlnAngleTilt=[90, 0],
    rlnAnglePsi=[0, -90],    rlnOriginXAngst=[1, 2], rlnOriginYAngst=[3, 4], rlnRandomSubset=[1, 2],
)  # fmt: skip


def tables(optics: Table = OPTICS, particles: Table = PARTICLES) -> Tables:
    return Tables(source="t.star").with_block("optics", optics).with_block("particles", particles)


def test_angles_are_radians_and_origins_x_y() -> None:
    particles = particles_of(tables())
    np.testing.assert_allclose(particles.euler, [[np.pi, np.pi / 2, 0], [0, 0, -np.pi / 2]])
    np.testing.assert_allclose(particles.defocus_angle, [np.pi / 2, np.pi / 4])
    assert particles.origin.tolist() == [[1, 3], [2, 4]]
    assert particles.half.tolist() == [1, 2]
    assert particles.has_poses
    assert len(particles) == 2


def test_what_is_unset_is_zero() -> None:
    bare = PARTICLES.without("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnOriginXAngst", "rlnRandomSubset")
    particles = particles_of(tables(particles=bare))
    assert not particles.has_poses
    assert not particles.euler.any()
    assert not particles.half.any()
    assert not particles.phase_shift.any()
    assert particles.micrographs.tolist() == ["", ""]


@pytest.mark.parametrize("column", ["rlnImageName", "rlnOpticsGroup", "rlnDefocusU"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(DataError, match=f"t.star: data_particles has no column {column}"):
        particles_of(tables(particles=PARTICLES.without(column)))


def test_without_ctf_defocus_is_not_needed() -> None:
    assert not particles_of(tables(particles=PARTICLES.without("rlnDefocusU")), ctf=False).defocus_u.any()


def test_no_rows_and_bad_rows() -> None:
    with pytest.raises(DataError, match="data_particles has no rows"):
        particles_of(tables(particles=PARTICLES.take([])))
    with pytest.raises(DataError, match="row 2: rlnDefocusU is nan"):
        particles_of(tables(particles=PARTICLES.with_columns(rlnDefocusU=["1e4", "nan"])))


def test_groups_by_number() -> None:
    groups = optics_groups(tables())
    assert sorted(groups) == [1, 3]
    assert (groups[3].name, groups[3].voltage, groups[3].image_size) == ("b", 200, 64)


@pytest.mark.parametrize("column", ["rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnOpticsGroup"])
def test_a_missing_optics_column_is_named(column: str) -> None:
    with pytest.raises(DataError, match=f"data_optics has no column {column}"):
        optics_groups(tables(OPTICS.without(column)))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rlnImagePixelSize", 0, "rlnImagePixelSize is 0 A"),
        ("rlnVoltage", 300000, "rlnVoltage is 300000 kV"),
        ("rlnAmplitudeContrast", 10, "rlnAmplitudeContrast is 10"),
        ("rlnSphericalAberration", "nan", "rlnSphericalAberration is nan"),
        ("rlnOpticsGroup", 1, "optics group 1 is there twice"),
    ],
)
def test_values_that_make_no_sense(column: str, value, message: str) -> None:
    with pytest.raises(DataError, match=message):
        optics_groups(tables(OPTICS.with_columns(**{column: value})))


def test_no_pixel_size_names_where_it_was_sought() -> None:
    with pytest.raises(DataError, match="no pixel size: none of rlnImagePixelSize"):
        optics_groups(tables(OPTICS.without("rlnImagePixelSize")))


def test_mixed_pixel_sizes_are_named() -> None:
    assert one_pixel_size(optics_groups(tables()), "t.star") == 1.5
    mixed = optics_groups(tables(OPTICS.with_columns(rlnImagePixelSize=[1.5, 1.6])))
    with pytest.raises(DataError, match="a: 1.5 A, b: 1.6 A.*--resample 1.6 -d DIR"):
        one_pixel_size(mixed, "t.star")
    mixed = optics_groups(tables(OPTICS.with_columns(rlnImagePixelSize=[1.5, 1.0861231])))
    with pytest.raises(DataError, match="--resample 1.5 -d DIR"):
        one_pixel_size(mixed, "t.star")
    mixed = optics_groups(tables(OPTICS.with_columns(rlnImagePixelSize=[1.0861231, 1.0])))
    with pytest.raises(DataError, match="--resample 1.087 -d DIR"):  # no finer than what there is
        one_pixel_size(mixed, "t.star")


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="row 2: optics group 7 is not in data_optics .it has 1, 3"):
        require_groups(optics_groups(tables()), np.array([1, 7]), "t.star: data_particles")


@pytest.mark.parametrize(
    "column", ["rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift", "rlnCtfBfactor", "rlnAngleTilt", "rlnOriginXAngst"]
)
@pytest.mark.parametrize("value", ["nan", "inf", "1e30", "-2e6"])
def test_a_number_that_would_spoil_every_image_is_named_by_its_row(column: str, value: str) -> None:
    with pytest.raises(DataError, match=f"row 2: {column} is {value}"):
        particles_of(tables(particles=PARTICLES.with_columns(**{column: ["1", value]})))
