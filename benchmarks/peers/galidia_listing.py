"""Prints for how many milliseconds at most listing a folder of COUNT files takes the loop.

Each order is listed, and what a server does at once is timed: the beginning, and 64 KiB of the page
after the other. Of several times the least counts.  Arguments: COUNT
"""

import os
import sys
import tempfile
import time

from galidia.http.folder.listing import Listing

TIMES = 5


def longest(folder: str, order: str) -> float:
    """Seconds of the longest step."""
    found = 0.0
    start = time.perf_counter()
    page = Listing(os.open(folder, os.O_RDONLY), "/", order)
    size = 1 << 16
    for piece in page:
        size += len(piece)
        if size > 1 << 16:
            found = max(found, time.perf_counter() - start)
            start, size = time.perf_counter(), 0
    return max(found, time.perf_counter() - start)


with tempfile.TemporaryDirectory() as folder:
    for number in range(int(sys.argv[1])):
        with open(f"{folder}/file {number:05}.txt", "wb") as file:
            file.write(b"x" * (number % 100))
    orders = ("name", "-name", "time", "-time", "size", "-size")
    print(1e3 * max(min(longest(folder, order) for _ in range(TIMES)) for order in orders))
