"""Pure rules: posts, messages, entity names, counts, revisions and aliases; no input or output."""
