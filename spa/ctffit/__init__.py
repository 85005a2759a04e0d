"""The CTF of a micrograph from its spectrum: tiles, background, search, refinement, quality."""
