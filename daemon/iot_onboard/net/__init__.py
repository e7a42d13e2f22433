"""Reach a server: names, addresses, proxy, TLS and HTTPS; and hear of routes."""
