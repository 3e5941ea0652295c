"""The HTTP API for operators, beside status, drain and resume: dead letters."""
