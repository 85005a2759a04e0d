"""Point groups of maps: which one a map has, where its axes lie, and how it is laid on them."""
