"""Peers for the speed comparisons: other libraries and handwritten training loops."""
