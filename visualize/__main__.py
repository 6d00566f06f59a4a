"""`python -m visualize`."""

from visualize.cli import main

main(prog_name="visualize")
