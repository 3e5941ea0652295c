"""Finding entities in a text: cleaning, languages, models, mentions and patterns; no Django."""
