"""Galidia measured against its peers: `python -m benchmarks`, or `make bench`."""
