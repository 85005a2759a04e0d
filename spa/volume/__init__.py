"""3-D arithmetic: slices, insertion, FSC, symmetry, masks."""
