"""Particles that have a symmetry only nearly: which copy of its pose each image is in."""
