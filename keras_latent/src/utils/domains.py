"""Names of the two domains of a translation."""

DOMAINS = ("source", "target")
OTHER = {"source": "target", "target": "source"}
