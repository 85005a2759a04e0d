"""Finding particles in micrographs: arrays in, arrays out."""
