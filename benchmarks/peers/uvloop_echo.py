"""The echo of asyncio_echo.py on uvloop.  Arguments: PORT [CERT KEY]"""

import uvloop
from asyncio_echo import main

uvloop.run(main())
