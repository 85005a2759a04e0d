"""``python -m spa.cli``: the program, without its script."""

from spa.cli.start import main

main()
