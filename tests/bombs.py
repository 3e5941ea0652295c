"""
A model that fails on purpose: spaCy's own, with a component that reads what a post asks for.

It is a real model in a real folder; what is real too is the exception, the endless loop and the
SIGKILL that a post of it causes. The component is found as any installed one is: by an entry point.
"""

from pathlib import Path

from ingest.extract import load_model
from ingestsite import configuration

RAISE, SPIN, KILL = "BOMB-RAISE", "BOMB-SPIN", "BOMB-KILL"

COMPONENT = f'''
import os, signal
from spacy.language import Language

@Language.component("bomb")
def bomb(doc):
    if "{RAISE}" in doc.text:
        raise ValueError("a bomb")
    while "{SPIN}" in doc.text:
        pass
    if "{KILL}" in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return doc
'''


def settings(folder: Path) -> dict[str, str]:
    """Make the model in a folder, and return the settings of a stack that uses it."""
    (folder / "bombs.py").write_text(COMPONENT)
    information = folder / "bombs-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bombs\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[spacy_factories]\nbomb = bombs:bomb\n")
    nlp = load_model(configuration.MODEL)
    name = "bomb"
    namespace: dict[str, object] = {}
    exec(COMPONENT, namespace)  # noqa: S102 - it is ours, three lines above
    nlp.add_pipe(name, first=True)
    nlp.to_disk(folder / "model")
    return {"INGEST_MODEL": str(folder / "model"), "PYTHONPATH": str(folder)}
