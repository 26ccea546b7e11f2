"""`python -m lrsync`: the command line."""

import sys

from lrsync.ui.main import main

sys.exit(main())
