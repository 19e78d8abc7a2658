"""`python -m selvedge`: the program `selvedge`, where its own script is not on the PATH."""

import sys

from selvedge.cli import main

if __name__ == "__main__":
    sys.exit(main())
