"""The check that takes the place of spaCy's warning about a model's version."""

import re
import shutil
import warnings
from pathlib import Path

import pytest

from ingest.nlp import checked_models
from ingest.nlp.checked_models import (
    DIGESTS,
    TEXTS,
    WARNING,
    digest_of,
    finds_what_it_should,
    model_folder,
)
from ingest.nlp.ner import load_model

(LISTED,) = DIGESTS


def test_a_listed_model_loads_without_a_warning_and_finds_what_it_should() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", re.escape(WARNING))
        nlp = load_model(LISTED)
    assert finds_what_it_should(nlp)
    assert nlp.meta["spacy_version"] == ">=3.7.2,<3.8.0", "else nothing is checked here"


def test_other_weights_have_another_digest(tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder(LISTED), tmp_path / LISTED)
    assert digest_of(str(folder)) == DIGESTS[LISTED]
    (weights,) = folder.glob("*/ner/model")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert digest_of(str(folder)) != DIGESTS[LISTED]


@pytest.mark.parametrize("broken", ["DIGESTS", "TEXTS"])
def test_a_model_that_fails_the_check_keeps_the_warning(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    others = {"DIGESTS": {LISTED: "0" * 64}, "TEXTS": {text: [] for text in TEXTS}}
    monkeypatch.setattr(checked_models, broken, others[broken])
    with pytest.warns(UserWarning, match="W095"):
        load_model(LISTED)
