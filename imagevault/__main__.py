"""`python -m imagevault` is the `imagevault` command."""

from imagevault.cli import main

if __name__ == "__main__":
    main()
