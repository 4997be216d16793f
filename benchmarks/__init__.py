"""Benchmarks: speed comparisons and the papers' tables, with one command each."""
