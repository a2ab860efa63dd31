"""The programs of the role, as the tests import them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "roles-templates" / "role" / "files"))
