"""Particles that bend: one density on a mesh of tetrahedra, moved as each image shows it."""
