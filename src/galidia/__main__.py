"""``python -m galidia``: the command."""

import sys

from .cli import main

sys.exit(main())
