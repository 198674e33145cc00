# Compiled as it is: the classes of data are to be derived from, and register themselves.
