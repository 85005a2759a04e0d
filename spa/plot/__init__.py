"""Figures of what a job found (matplotlib, extra plot)."""
