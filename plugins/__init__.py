"""The jobs that come with spa; each folder is a plugin."""
