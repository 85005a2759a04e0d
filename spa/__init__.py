"""spa: cryo-EM single-particle analysis from the shell."""

__version__ = "0.1.0"
