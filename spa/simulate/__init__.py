"""Image formation forwards: specimens, particle images and micrographs with known truth."""
