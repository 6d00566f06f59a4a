"""`python -m kerasdemos`."""

from kerasdemos.cli import main

main(prog_name="python -m kerasdemos")
