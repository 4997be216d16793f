"""Figures of the papers, drawn from finished runs: a module per method."""
