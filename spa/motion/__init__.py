"""Beam-induced motion: found by likelihood in a movie's frames, as a smooth field; frames summed along it."""
