"""URLs fetched: all that stands on the client's protocol.

``fetch`` is the function, ``plan`` what is asked for and ``result`` what came of it; ``pool`` keeps
the connections, and ``redirects``, ``proxies``, ``coding`` and ``download`` are what lies between.
"""
