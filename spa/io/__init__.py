"""Files: STAR, MRC, stacks, whole-file writes."""
