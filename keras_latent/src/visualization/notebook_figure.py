"""A figure that a notebook shows; this module imports matplotlib."""

import io

from matplotlib.figure import Figure

# Of a notebook's page, as CSS has it; a figure of d dpi is drawn finer by d / 96.
PIXELS_PER_INCH = 96


class NotebookFigure(Figure):
    """A `matplotlib.figure.Figure` that is shown where it is what a notebook's cell ends with.

    IPython shows other figures only where pyplot made them, or after `%matplotlib inline`. In a
    script, nothing is shown.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        png = io.BytesIO()
        self.savefig(png, format="png")
        width, height = (round(inches * PIXELS_PER_INCH) for inches in self.get_size_inches())
        return png.getvalue(), {"width": width, "height": height}
