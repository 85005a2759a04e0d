"""Signal taken off particle images: what a part of a map looks like in each, in which scale, and in which window."""
