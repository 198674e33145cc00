"""Answers that programs make: CGI scripts, and pages with inclusions.

``cgi`` and ``ssi`` are the services of files; ``environment`` is what both tell of a request.
"""
