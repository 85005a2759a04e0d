"""Volumes from nothing: stochastic expectation-maximisation over all poses, then the best start sharpened."""
