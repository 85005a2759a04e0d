"""What several jobs on one science share, between their commands and the arithmetic."""
