"""spa: cryo-EM single-particle analysis from the shell."""

__version__ = "0.2.0"
