"""A figure that notebooks display. This module imports matplotlib."""

import io

from matplotlib.figure import Figure

# CSS pixels. A figure of d dpi has d / 96 times this resolution.
PIXELS_PER_INCH = 96


class NotebookFigure(Figure):
    """A `matplotlib.figure.Figure` that is displayed as the last expression of a notebook cell.

    IPython displays ordinary figures only if pyplot created them, or after `%matplotlib inline`.
    In scripts, nothing is displayed.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        png = io.BytesIO()
        self.savefig(png, format="png")
        width, height = (round(inches * PIXELS_PER_INCH) for inches in self.get_size_inches())
        return png.getvalue(), {"width": width, "height": height}
