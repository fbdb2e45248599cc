"""`python -m redtool` is `redtool`."""

import sys

from redtool.cli import main

sys.exit(main())
