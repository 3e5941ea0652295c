"""
The layers of spaCy's entity recognizer that take most of its time, with less work.

spaCy's small and medium models embed every token anew, though most tokens of a batch repeat
another one. Their layers also keep what only training needs. With these layers the entities stay
the same, and the model needs a third less time.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# The layers that embed and mix hashed attributes, as their names begin.
HASHES, MIXER = "with_array(ints-getitem", "with_array(maxout>>layernorm"

# One layer of the encoder of windows of tokens.
WINDOW_LAYER = "residual(expand_window>>maxout>>layernorm>>dropout)"


def use_lean_layers(nlp: "Language") -> bool:
    """
    Replace layers of a model's entity recognizer, and return whether it embeds distinct tokens.

    A layer of another architecture, such as a transformer, stays as it is.
    """
    layers = _layers(nlp)
    if not layers:
        return False
    embedding, *encoder = layers
    lean = [_embedding_layer(nlp, embedding), *map(_window_layer, encoder)]
    layers[:] = [new or old for new, old in zip(lean, layers, strict=True)]
    return lean[0] is not None


def remember_words(nlp: "Language", docs: Sequence["Doc"]) -> None:
    """Embed the tokens of docs once for all batches; children that are forked share the memory."""
    for layer in _layers(nlp):
        if embedding := layer.attrs.get("embedding"):
            embedding.remember(docs)


def _layers(nlp: "Language") -> list[Any]:
    """Return the layers that embed and encode tokens, or none for a recognizer of another kind."""
    recognizer: Any = nlp.get_pipe("ner") if "ner" in nlp.pipe_names else None
    if recognizer is None or "tok2vec" not in recognizer.model.ref_names:
        return []
    layers: list[Any] = recognizer.model.get_ref("tok2vec").layers[0].layers
    return layers


class Maxout:
    """
    A maxout layer and the layer norm after it, without what training needs.

    The pieces of a maxout stand side by side here, so that numpy compares whole vectors. The
    values stay the same to the bit.
    """

    def __init__(self, layer: Any) -> None:
        nodes = {node.name: node for node in layer.walk()}
        maxout, norm = nodes["maxout"], nodes["layernorm"]
        weights, bias = maxout.get_param("W"), maxout.get_param("b")
        self._width, self._pieces, inputs = weights.shape
        self._weights = weights.swapaxes(0, 1).reshape(-1, inputs).copy()
        self._bias = bias.T.ravel().copy()
        self._scale, self._shift = norm.get_param("G"), norm.get_param("b")

    def __call__(self, ops: Any, rows: Any) -> Any:
        """Return the output for each row."""
        import numpy as np

        pieces = ops.gemm(rows, self._weights, trans2=True)
        pieces += self._bias
        best, *others = np.split(pieces, self._pieces, axis=1)
        for other in others:
            np.maximum(best, other, out=best)
        best = best - best.mean(axis=1, keepdims=True)
        variance = np.square(best).sum(axis=1, keepdims=True) / self._width
        best *= (variance + 1e-8) ** -0.5
        best *= self._scale
        best += self._shift
        return best


class Embedding:
    """
    The embedding of tokens: of each distinct one once a batch, and of remembered ones never again.

    It depends only on a token's norm, prefix, suffix, shape and vector. A token's row has their
    ids, and that of its word in the last column.
    """

    def __init__(self, nlp: "Language", nodes: Mapping[str, Any], hashes: Any, mixer: Any) -> None:
        from spacy.attrs import ORTH

        self._vocab = nlp.vocab
        self._columns = [*nodes["extract_features"].attrs["columns"], ORTH]
        self._hashes, self._mix = hashes.layers[0], Maxout(mixer)
        self._vectors: Any = nodes.get("static_vectors")
        self._rows: Any = None
        self._embedded: Any = None

    def remember(self, docs: Sequence["Doc"]) -> None:
        """Embed the tokens of docs, by one row for each word."""
        import numpy as np

        rows = self._rows_of(docs)
        self._rows = rows[np.unique(rows[:, -1], return_index=True)[1]]
        self._embedded = self._embed(self._rows)

    def __call__(self, docs: Sequence["Doc"]) -> Any:
        """Return an array for each doc, with a row for each token."""
        import numpy as np

        embedded = self._look_up(self._rows_of(docs))
        return np.split(embedded, np.cumsum([len(doc) for doc in docs])[:-1])

    def _rows_of(self, docs: Sequence["Doc"]) -> Any:
        import numpy as np

        return np.vstack([doc.to_array(self._columns) for doc in docs])

    def _look_up(self, rows: Any) -> Any:
        """Return the embedding of each row, and compute those that are not remembered."""
        if self._rows is None:
            return self._embed_distinct(rows)
        places = self._rows[:, -1].searchsorted(rows[:, -1]).clip(max=len(self._rows) - 1)
        embedded = self._embedded[places]
        is_new = (self._rows[places] != rows).any(axis=1)
        embedded[is_new] = self._embed_distinct(rows[is_new])
        return embedded

    def _embed_distinct(self, rows: Any) -> Any:
        import numpy as np

        rows = np.ascontiguousarray(rows)
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        _, first, places = np.unique(keys, return_index=True, return_inverse=True)
        return self._embed(rows[first])[places]

    def _embed(self, rows: Any) -> Any:
        import numpy as np

        embedded, ops = self._hashes.predict(rows[:, :-1]), self._hashes.ops
        if self._vectors:
            embedded = np.hstack([embedded, self._project(ops, rows[:, -1])])
        return self._mix(ops, embedded)

    def _project(self, ops: Any, words: Any) -> Any:
        """Return the projected vectors of words; a word without a vector has zeros."""
        table: Any = self._vocab.vectors
        found = table.find(keys=words)
        known = table.data[found]
        known[found < 0] = 0
        return ops.gemm(known, self._vectors.get_param("W"), trans2=True)


def _embedding_layer(nlp: "Language", layer: Any) -> Any:
    """Return the layer that embeds distinct tokens, or None if an embedding has other parts."""
    nodes = {node.name: node for node in layer.walk()}
    hashes, mixer = (_beginning(nodes, name) for name in (HASHES, MIXER))
    if not ("extract_features" in nodes and hashes and mixer):
        return None
    embedding = Embedding(nlp, nodes, hashes, mixer)
    return _layer("distinct_rows", lambda _, docs: embedding(docs), layer, embedding=embedding)


def _beginning(nodes: Mapping[str, Any], name: str) -> Any:
    """Return the node whose name begins so, or None."""
    return next((node for own, node in nodes.items() if own.startswith(name)), None)


def _window_layer(encoder: Any) -> Any:
    """Return the layer that encodes windows of tokens, or None if an encoder has other parts."""
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    found = [node for node in encoder.walk() if node.name == WINDOW_LAYER]
    # A chain of one layer has that layer's name.
    layers = [layer for layer in found if layer.layers[0].name != WINDOW_LAYER]
    if not layers:
        return None
    nodes = {node.name: node for node in layers[0].walk()}
    side, padding = nodes["expand_window"].attrs["window_size"], encoder.attrs["pad"]
    mixers = [Maxout(layer) for layer in layers]

    def encode(ops: Any, embedded: Sequence[Any]) -> Any:
        flat = ops.flatten(embedded, pad=padding)
        # Zeros on both sides of one array make the window of each token one stretch of memory.
        width = flat.shape[1]
        around = np.zeros((len(flat) + 2 * side, width), flat.dtype)
        tokens = around[side:-side]
        tokens[:] = flat
        windows = sliding_window_view(around.ravel(), (2 * side + 1) * width)[::width]
        for mix in mixers:
            tokens += mix(ops, np.ascontiguousarray(windows))
        lengths = np.asarray([len(doc) for doc in embedded], dtype="i")
        return ops.unflatten(tokens, lengths, pad=padding)

    return _layer("lean_windows", encode, encoder)


def _layer(name: str, predict: Any, replaced: Any, **attrs: Any) -> Any:
    """Return a layer that predicts, and cannot be trained, in the place of another one."""
    from thinc.api import Model

    def no_training(_gradient: Any) -> Any:
        raise NotImplementedError("To train this model, load it with spacy.load.")

    def forward(model: Any, given: Any, is_train: bool) -> Any:  # noqa: ARG001
        return predict(model.ops, given), no_training

    layer: Any = Model(name, forward, attrs=attrs)
    layer.ops = replaced.ops
    return layer
