"""2-D arithmetic: arrays in, arrays out."""
