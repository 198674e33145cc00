"""Stands in for the Cython module when a source runs as plain Python."""

compiled = False
