"""Flower's settings: loopback, and a password, since its pages are open without one."""

from ingestsite import configuration

address = "127.0.0.1"
port = configuration.FLOWER_PORT
basic_auth = [f"ingest:{configuration.FLOWER_PASSWORD}"]
