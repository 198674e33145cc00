# Compiled as it is: what a look-up costs is calls between small Python functions.
