"""The local Pusher Channels gateway: websockets and the signed HTTP API on one port, in its own process.

Not for more than one machine, and not a part of the app: the app only knows its address.
"""
