"""Texts that say themselves which entities a model finds in them."""

import spacy
from spacy.tokens import Doc


def read(marked: str, *, language: str = "en") -> Doc:
    """Return a doc with the entities that a text marks as {LABEL:name}."""
    text, *parts = marked.split("{")
    spans = []
    for part in parts:
        label, _, rest = part.partition(":")
        name, _, after = rest.partition("}")
        spans.append((len(text), len(text) + len(name), label))
        text += name + after
    doc = spacy.blank(language).make_doc(text)
    ents = (doc.char_span(start, end, label=label) for start, end, label in spans)
    doc.ents = [ent for ent in ents if ent]
    assert len(doc.ents) == len(spans)
    return doc
