"""Euler angles and the tables that carry them, held against RELION's own projections."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from spa.model import poses
from spa.volume import rotations

angle = st.floats(-np.pi, np.pi)
tilts = st.floats(0, np.pi)


@settings(max_examples=200, deadline=None)
@given(angle, tilts, angle)
def test_matrices_are_relions_zyz(rot: float, tilt: float, psi: float) -> None:
    expected = Rotation.from_euler("ZYZ", [rot, tilt, psi]).as_matrix().T
    np.testing.assert_allclose(poses.matrices(rot, tilt, psi), expected, atol=1e-12)


@settings(max_examples=300, deadline=None)
@given(angle, st.one_of(tilts, st.sampled_from([0.0, np.pi, 1e-9, np.pi - 1e-9, 1e-5])), angle)
def test_angles_give_their_matrix_back(rot: float, tilt: float, psi: float) -> None:
    matrix = poses.matrices(rot, tilt, psi)
    np.testing.assert_allclose(poses.matrices(*poses.eulers(matrix)), matrix, atol=3e-7)


@settings(max_examples=100, deadline=None)
@given(angle, st.floats(0.01, np.pi - 0.01), angle)
def test_away_from_the_poles_the_angles_themselves_come_back(rot: float, tilt: float, psi: float) -> None:
    back = poses.eulers(poses.matrices(rot, tilt, psi))
    np.testing.assert_allclose(np.exp(1j * back), np.exp(1j * np.array([rot, tilt, psi])), atol=1e-7)


def test_the_third_row_is_the_line_of_sight() -> None:
    rot, tilt = 0.4, 1.1
    direction = [np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)]
    np.testing.assert_allclose(poses.matrices(rot, tilt, 2.0)[2], direction)


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_rotation_vectors(vector: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(
        rotations.from_rotation_vectors(np.array([vector]))[0], Rotation.from_rotvec(vector).as_matrix(), atol=1e-9
    )


def test_rotation_vectors_of_matrices() -> None:
    """No turn, the smallest, and half turns about axes and between them; many at once, and one."""
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((200, 3))
    axes[:4] = *np.eye(3), [1, 1, 0]
    vectors = axes / np.linalg.norm(axes, axis=1, keepdims=True) * rng.choice([0, 1e-9, 1e-4, 2, 3.1415], (200, 1))
    found = rotations.rotation_vectors(Rotation.from_rotvec(vectors).as_matrix())
    np.testing.assert_allclose(found, vectors, atol=1e-8)
    half = Rotation.from_rotvec(np.pi * axes[:4] / np.linalg.norm(axes[:4], axis=1, keepdims=True)).as_matrix()
    np.testing.assert_allclose(rotations.from_rotation_vectors(rotations.rotation_vectors(half)), half, atol=1e-12)
    between = np.pi / np.sqrt(2) * np.array([1, 1, 0])
    np.testing.assert_allclose(rotations.rotation_vectors(half[3]), between, atol=1e-12)


@pytest.mark.parametrize("name", ["groel", "ribosome"])
def test_the_true_pose_explains_the_image_and_its_mirror_images_do_not(shared_data, name: str) -> None:
    """Real-space projection at the table's angles and origins correlates with RELION's image; wrong signs do not."""
    from scipy import ndimage

    from spa.io import mrc, stacks, star
    from spa.model.particles import particles_of

    folder = shared_data / "sim" / name
    particles = particles_of(star.read(folder / "truth.star"))
    rows = np.arange(12)
    names = [f"{image.split('@')[0]}@{folder / image.split('@')[1]}" for image in particles.names[rows]]
    source = stacks.ImageSource(names)
    # every second pixel of smoothed data: the centre n//2 stays the centre, and the test stays short
    images = ndimage.gaussian_filter(source.read(rows), (0, 2, 2))[:, ::2, ::2]
    volume = ndimage.gaussian_filter(mrc.read(folder / "truth.mrc").data.astype(np.float32), 1.5)[::2, ::2, ::2]
    n = volume.shape[0]
    grid = np.stack(np.meshgrid(*[np.arange(n) - n // 2] * 3, indexing="ij"), axis=-1)[..., ::-1]  # x, y, z

    def score(angles: np.ndarray, origin: np.ndarray) -> float:
        total = 0.0
        for row, matrix in zip(rows, poses.matrices(*angles.T)):
            at = grid @ matrix  # a point of the image's frame lies at sum_i x_i R[i] in the volume
            coordinates = [at[..., axis] + n // 2 for axis in (2, 1, 0)]
            projection = ndimage.map_coordinates(volume, coordinates, order=1).sum(0)
            shift = -origin[row, ::-1] / (2 * source.pixel_size)  # the particle sits at minus the origin
            moved = ndimage.shift(projection, shift, order=1)
            total += np.corrcoef(moved.ravel(), images[row].ravel())[0, 1]
        return total / len(rows)

    true = score(particles.euler[rows], particles.origin)
    assert true > 0.2  # white particles: positive
    assert true > score(particles.euler[rows], -particles.origin) + 0.005
    assert true > score(particles.euler[rows] * [-1, -1, -1], particles.origin) + 0.02
    assert true > score(particles.euler[rows][:, ::-1], particles.origin) + 0.02
