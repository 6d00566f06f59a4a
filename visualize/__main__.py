"""`python -m visualize`."""

from visualize.cli.main import main

main(prog_name="visualize")
