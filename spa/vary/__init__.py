"""Continuous variability at fixed poses: latent coordinates of particles, and volumes anywhere among them."""
