"""The host program: discovery of jobs, lazy commands, man pages."""
