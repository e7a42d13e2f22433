"""Connect to a server: names, addresses, proxy, TLS and HTTPS; and watch the routes."""
