"""Rotations in RELION's ZYZ convention.

Source: Heymann, Chagoyen & Belnap, J. Struct. Biol. 151 (2005) 196.
"""

import numpy as np


def matrices(rot: np.ndarray, tilt: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """Rotation matrices (n, 3, 3) of RELION's ZYZ angles (radians); rows are the image's axes in the volume.

    The slice of a transform at image frequency (kx, ky) is the volume's transform at ``kx R[0] + ky R[1]``.
    """
    rot, tilt, psi = np.broadcast_arrays(*(np.asarray(angle, np.float64) for angle in (rot, tilt, psi)))
    ca, cb, cg = np.cos(rot), np.cos(tilt), np.cos(psi)
    sa, sb, sg = np.sin(rot), np.sin(tilt), np.sin(psi)
    rows = [
        [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
        [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
        [sb * ca, sb * sa, cb],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def sights(rot: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Unit vectors (n, 3) along which images of these angles (radians) look: the third row of their matrices."""
    return np.stack([np.cos(rot) * np.sin(tilt), np.sin(rot) * np.sin(tilt), np.cos(tilt)], axis=-1)


def eulers(matrices: np.ndarray) -> np.ndarray:
    """The angles (…, 3) rot, tilt, psi in radians of rotation matrices (…, 3, 3); tilt in [0, pi].

    Where tilt is 0 or pi only one angle is determined: rot is 0 there and psi has the turn.
    """
    m = np.asarray(matrices, np.float64)
    sine = np.hypot(m[..., 2, 0], m[..., 2, 1])
    tilt = np.arctan2(sine, m[..., 2, 2])
    pole = sine < 1e-7
    rot = np.where(pole, 0.0, np.arctan2(m[..., 2, 1], m[..., 2, 0]))
    at_pole = np.arctan2(m[..., 0, 1], np.where(m[..., 2, 2] > 0, 1.0, -1.0) * m[..., 0, 0])
    psi = np.where(pole, at_pole, np.arctan2(m[..., 1, 2], -m[..., 0, 2]))
    return np.stack([rot, tilt, psi], axis=-1)
