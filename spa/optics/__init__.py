"""CTF and aberrations refined against a map, and which images share them."""
