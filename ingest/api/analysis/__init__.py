"""The HTTP API of what is computed from counts: comparisons, groups, company, posts, exports."""
