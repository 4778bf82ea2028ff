"""`python -m cgt` is the console script `cgt`."""

import sys

from cgt.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
