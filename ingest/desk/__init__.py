"""The operator's desk: Django's admin, with the pipeline's state and what can be done about it."""
