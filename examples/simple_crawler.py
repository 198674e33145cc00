"""A crawler: follows the links of one site and prints the status of each page and file.

python examples/simple_crawler.py URL [MOST]

The pool of `fetch` keeps the connections and their number small.
"""

import sys
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from galidia import Manager
from galidia.http import fetch


class Links(HTMLParser):
    def __init__(self, base, text):
        super().__init__()
        self.base, self.found = base, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.found.append(urldefrag(urljoin(self.base, value)).url)


class Crawler:
    def __init__(self, mgr, url, most=1000):
        self.mgr, self.most = mgr, most
        self.site = urlsplit(url)[:2]
        self.seen, self.left = set(), 0
        self.visit(url)

    def visit(self, url):
        if url in self.seen or len(self.seen) >= self.most or urlsplit(url)[:2] != self.site:
            return
        self.seen.add(url)
        self.left += 1
        fetch(self.mgr, url, self.visited, max_size=1 << 20, timeout=30)

    def visited(self, result):
        self.left -= 1
        print(result.status or result.error, result.url, flush=True)
        kind = result.header("content-type", "")
        if result.ok and kind.startswith("text/html"):
            for link in Links(result.url, result.text()).found:
                self.visit(link)
        if self.left == 0:
            self.mgr.stop()


if __name__ == "__main__":
    with Manager() as mgr:
        Crawler(mgr, sys.argv[1], *map(int, sys.argv[2:]))
        mgr.run()
