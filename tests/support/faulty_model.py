"""
A model that fails on purpose: spaCy's own, with a component that does what a post asks for.

It is a real model in a real folder. The exception, the endless loop and the SIGKILL are real too.
spaCy finds the component by an entry point, like any installed one.
"""

import os
import signal
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ingest.nlp.ner import UNUSED_PIPES, load_plain_model
from ingestsite import configuration

# Names the file whose existence stops the component from raising.
REPAIRED = "FAULTY_MODEL_REPAIRED"
RAISE, SPIN, KILL = "BOMB-RAISE", "BOMB-SPIN", "BOMB-KILL"


@Language.component("bomb")
def bomb(doc: Doc) -> Doc:
    """Do what the text asks for."""
    if RAISE in doc.text and not Path(os.environ[REPAIRED]).exists():
        raise ValueError("a bomb")
    while SPIN in doc.text:
        pass
    if KILL in doc.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return doc


def settings(folder: Path) -> dict[str, str]:
    """Make the model in a folder, and return the settings of a stack that uses it."""
    information = folder / "bombs-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bombs\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[spacy_factories]\nbomb = tests.support.faulty_model:bomb\n"
    )
    # Not as workers load it: the layer that they put in cannot be saved.
    nlp = load_plain_model(configuration.MODEL)
    for name in set(nlp.component_names) & set(UNUSED_PIPES):
        nlp.remove_pipe(name)
    nlp.add_pipe("bomb", first=True)
    nlp.to_disk(folder / "model")
    path = os.pathsep.join((str(folder), str(configuration.ROOT)))
    return {
        "INGEST_MODEL": str(folder / "model"),
        "PYTHONPATH": path,
        REPAIRED: str(folder / "repaired"),
    }
