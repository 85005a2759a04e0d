"""The loop that all refiners share."""
