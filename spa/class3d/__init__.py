"""Classes of particles whose poses are known: which of several maps each image shows."""
