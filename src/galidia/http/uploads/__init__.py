"""Files that clients send: ``receiving`` is the handler, ``storing`` the folder they go to."""
