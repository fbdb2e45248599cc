"""The server with many clients, waiting clients, strange clients and listening clients.

Every promise is asked of redis-server as well, where there is one: a test that it fails is wrong.
"""
