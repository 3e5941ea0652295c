"""
The embedding of each distinct token once a batch.

A token's embedding depends only on its norm, prefix, suffix, shape and vector, and most tokens of a
batch repeat another one. spaCy's small and medium models embed every token anew. With this layer
the entities stay the same, and the model needs about a tenth less time.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language

# The layers that embed and mix hashed attributes, as their names begin.
HASHES, MIXER = "with_array(ints-getitem", "with_array(maxout"


def embed_distinct_rows(nlp: "Language") -> bool:
    """
    Make the entity recognizer of a model embed distinct tokens, and return whether it does.

    A model with another architecture, such as a transformer, stays as it is.
    """
    recognizer: Any = nlp.get_pipe("ner") if "ner" in nlp.pipe_names else None
    if recognizer is None or "tok2vec" not in recognizer.model.ref_names:
        return False
    encoder = recognizer.model.get_ref("tok2vec").layers[0]
    if not encoder.layers:
        return False
    layer = _distinct_rows(nlp, encoder.layers[0])
    if layer is None:
        return False
    encoder.layers[0] = layer
    return True


def _distinct_rows(nlp: "Language", embedding: Any) -> Any:
    """Return the layer that takes an embedding's place, or None if its parts are others."""
    import numpy as np
    from spacy.attrs import ORTH
    from thinc.api import Model

    nodes = {node.name: node for node in embedding.walk()}
    features, vectors = nodes.get("extract_features"), nodes.get("static_vectors")
    hashes, mixer = (_beginning(nodes, name) for name in (HASHES, MIXER))
    if not (features and hashes and mixer):
        return None
    columns = features.attrs["columns"]

    def forward(model: Any, docs: Any, is_train: bool) -> Any:  # noqa: ARG001
        wanted = [*columns, ORTH] if vectors else columns
        rows = np.ascontiguousarray(np.vstack([doc.to_array(wanted) for doc in docs]))
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        _, first, places = np.unique(keys, return_index=True, return_inverse=True)
        distinct = rows[first]
        embedded = hashes.layers[0].predict(distinct[:, : len(columns)])
        if vectors:
            projected = _project(nlp, model.ops, vectors, distinct[:, -1])
            embedded = np.hstack([embedded, projected])
        mixed = mixer.layers[0].predict(embedded)[places]
        ends = np.cumsum([len(doc) for doc in docs])[:-1]
        return np.split(mixed, ends), lambda _gradient: []

    layer: Any = Model("distinct_rows", forward)
    layer.ops = embedding.ops
    return layer


def _project(nlp: "Language", ops: Any, vectors: Any, words: Any) -> Any:
    """Return the projected vectors of words; a word without a vector has zeros."""
    table: Any = nlp.vocab.vectors
    found = table.find(keys=words)
    known = table.data[found]
    known[found < 0] = 0
    return ops.gemm(known, vectors.get_param("W"), trans2=True)


def _beginning(nodes: Mapping[str, Any], name: str) -> Any:
    """Return the node whose name begins so, or None."""
    return next((node for own, node in nodes.items() if own.startswith(name)), None)
