"""2-D classification: marginalised EM over class, in-plane angle and shift, with scores by matrix products."""
