"""`python -m fastnn`."""

import sys

from .cli.main import main

sys.exit(main())
