"""The engine: knows bytes, sockets and time, and no protocol."""
