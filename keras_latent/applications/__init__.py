"""The top-level folder `applications/`, found from a clone or an editable install.

A wheel holds that folder itself in this place.
"""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2] / "applications")]
