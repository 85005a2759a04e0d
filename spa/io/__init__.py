"""Files, read and written whole: STAR, MRC, TIFF and EER movies, gains, stacks, atoms, cryoSPARC's."""
