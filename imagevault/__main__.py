"""`python -m imagevault` is the `imagevault` command."""

from imagevault.cli import main

main()
