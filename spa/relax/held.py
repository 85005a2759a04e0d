"""What an image can know of its copy, before any copy is looked for."""

import numpy as np

from spa.refine.expectation import Poses


def nats(poses: Poses, copies: int) -> float:
    """By how much (log p) an image's right copy would be likelier than another, were one of the copies missing.

    Against the true map it is <CTF^2, |P_right - P_other|^2> on the average: what the maps differ by is two subunits,
    each one part in `copies` of the power that tells the pose from nothing, log p = <CTF^2, |P|^2>. The median over
    images; smaller differences tell less in proportion.
    """
    return 2 / copies * float(np.median(poses.logp.max(axis=1)))
