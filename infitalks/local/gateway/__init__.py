"""The local Pusher Channels gateway: websockets and the signed HTTP API on one port, in its own process.

Not for more than one machine, and not a part of the app: the app only knows its address.

Served: public, private and presence channels; the HTTP API's events, batch_events, channels, channel, users and
terminate_connections; webhooks of channels and members. Refused with the protocol's own errors: encrypted and cache
channels, client events, sign-in and with it watchlists and the channels of users. So a user, whom terminate_connections
is about, is whoever joined a presence channel under that user_id.
"""
