"""Run the command line: `python -m iot_onboard`."""

import sys

from .cli import main

sys.exit(main())
