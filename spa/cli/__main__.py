"""``python -m spa.cli``: the program, without its script."""

from spa.cli.main import main

main()
