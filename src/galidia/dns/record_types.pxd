# The classes are as those of rdata.py.
cdef str _dotted(bytes packed)
