ctypedef const unsigned char* bytes_t

cdef bytes _TABLE
cdef bytes_t KIND
cdef int TOKEN, TARGET, VALUE, DIGIT, HEX, HOST
