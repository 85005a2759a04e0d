"""A map and poses from nothing: for abinit model, and for jobs that start without poses."""
