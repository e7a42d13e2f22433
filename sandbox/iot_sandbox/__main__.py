"""Run the sandbox: `python -m iot_sandbox`."""

import sys

from .cli import main

sys.exit(main())
