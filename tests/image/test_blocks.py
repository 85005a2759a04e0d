"""Which pixel of a binned image holds a place."""

import numpy as np

from spa.image.blocks import block_of


def test_every_pixel_is_in_the_block_that_it_was_binned_into():
    side, factor = 103, 4
    blocks = side // factor
    inside = np.repeat(np.arange(blocks), factor)
    assert (block_of(np.arange(len(inside)), side, blocks) == inside).all()
    assert (block_of(np.arange(len(inside), side), side, blocks) == blocks - 1).all()
    assert block_of([-0.4, 3.4, 3.6], side, blocks).tolist() == [0, 0, 1]
