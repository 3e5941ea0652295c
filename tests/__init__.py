"""The tests, one file per module of the product, and the servers they need."""
