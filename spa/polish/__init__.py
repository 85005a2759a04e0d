"""Motion of each particle against a reference, and how much each frame shows of it."""
