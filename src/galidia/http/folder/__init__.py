"""A folder that is served, with all that makes a file an answer.

``static`` is the handler; ``tree`` leads to files and never out of the folder, ``files`` knows
them, and ``conditions``, ``ranges`` and ``compression`` say which of their bytes a client gets.
"""
