"""`python -m kerasdemos`."""

from kerasdemos.cli.main import main

main(prog_name="kerasdemos")
