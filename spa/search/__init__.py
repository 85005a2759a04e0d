"""Poses by likelihood: grids, scores by matrix products, local refinement."""
