"""Image formation forwards: specimens, particle images, micrographs and movies with known truth."""
