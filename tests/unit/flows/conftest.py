"""Where the flows and journeys of invented people are found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
