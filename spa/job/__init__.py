"""What every job shares: options, run, provenance, progress, resume, loops."""
