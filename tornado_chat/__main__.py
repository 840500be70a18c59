"""python -m tornado_chat"""

import sys

from tornado_chat.cli import main

sys.exit(main())
