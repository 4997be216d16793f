"""Speed beside peers, and the papers' tables, regenerated: one command each."""
