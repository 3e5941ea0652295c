"""
Check the documents: short sentences, links that lead somewhere, and files of a readable length.

    python -m tests.harness.prose

The program prints a line for each fault, or one line with the measures of all documents. Its
status is 1 if it found a fault. Code, tables and headings do not count as sentences.
"""

import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The load test writes its own report.
DOCUMENTS = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/**/*.md",
    "deploy/README.md",
    "tests/harness/README.md",
)

MAX_MEAN_WORDS = 16  # of a file's sentences
LONG_SENTENCE_WORDS = 30
MAX_LONG_SHARE = 0.05  # of a file's sentences
MIN_SENTENCE_WORDS = 3  # a shorter piece is a number, a label or a name

# The most lines and words of a file, by the beginning of its name.
MAX_SIZES = {
    "README.md": (120, 700),
    "ARCHITECTURE.md": (170, 1400),
    "docs/": (170, None),
}

FENCED_CODE = re.compile(r"^ *```.*?^ *```[^\n]*$", re.S | re.M)
INDENTED_CODE = re.compile(r"(?:\A|(?<=\n\n))(?: {4}[^\n]*(?:\n|\Z))+")
INLINE_CODE = re.compile(r"`[^`\n]*`")
TABLE_ROW = re.compile(r"^ *\|.*$", re.M)
HEADING = re.compile(r"^#+ +(.*)$", re.M)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*] ")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NOT_IN_ANCHOR = re.compile(r"[^\w\- ]")


def documents(root: Path) -> list[Path]:
    """Return the documents below a folder, in the order of their patterns."""
    return list(chain.from_iterable(sorted(root.glob(pattern)) for pattern in DOCUMENTS))


def lengths(markdown: str) -> list[int]:
    """Return the words of each sentence."""
    text = markdown
    for pattern in (FENCED_CODE, INDENTED_CODE, TABLE_ROW, HEADING):
        text = pattern.sub("\n", text)
    counts = (len(sentence.split()) for sentence in SENTENCE_END.split(text))
    return [words for words in counts if words >= MIN_SENTENCE_WORDS]


def measures(words: list[int]) -> tuple[float, float]:
    """Return the mean length of sentences in words, and the share of long ones."""
    number = max(1, len(words))
    return sum(words) / number, sum(n > LONG_SENTENCE_WORDS for n in words) / number


def faults(path: Path, root: Path) -> Iterator[str]:
    """Yield what is wrong with one document."""
    name, text = _name(path, root), path.read_text("utf-8")
    mean, share = measures(lengths(text))
    if mean > MAX_MEAN_WORDS or share > MAX_LONG_SHARE:
        yield (
            f"{name}: {_said(mean, share)}; at most {MAX_MEAN_WORDS} words and {MAX_LONG_SHARE:.0%}"
        )
    for beginning, (max_lines, max_words) in MAX_SIZES.items():
        if name.startswith(beginning):
            lines, words = len(text.splitlines()), len(text.split())
            if lines > max_lines:
                yield f"{name}: {lines} lines, at most {max_lines}"
            if max_words and words > max_words:
                yield f"{name}: {words} words, at most {max_words}"
    for target in LINK.findall(INLINE_CODE.sub("", FENCED_CODE.sub("", text))):
        if "://" not in target and not target.startswith("mailto:") and not _exists(path, target):
            yield f"{name}: the link {target} leads nowhere"


def anchors(markdown: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCED_CODE.sub("", markdown)):
        words = LINK.sub(lambda link: link[0][1:].partition("]")[0], heading)
        anchor = NOT_IN_ANCHOR.sub("", words.strip().lower()).replace(" ", "-")
        repeats = (f"{anchor}-{number}" for number in range(1, len(found) + 1))
        found.add(next(one for one in (anchor, *repeats) if one not in found))
    return found


def _exists(path: Path, target: str) -> bool:
    """Return whether the file of a relative link exists, with its anchor."""
    file, _, anchor = target.partition("#")
    linked = path.parent / file if file else path
    if not linked.exists():
        return False
    return not anchor or linked.suffix != ".md" or anchor in anchors(linked.read_text("utf-8"))


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _said(mean: float, share: float) -> str:
    return f"{mean:.1f} words a sentence, {share:.1%} over {LONG_SENTENCE_WORDS} words"


def main(root: Path = ROOT) -> int:
    """Check every document, and print the faults or the measures."""
    paths = documents(root)
    found = [fault for path in paths for fault in faults(path, root)]
    words = [count for path in paths for count in lengths(path.read_text("utf-8"))]
    told = f"prose: {len(paths)} documents, {len(words):,} sentences, {_said(*measures(words))}"
    print("\n".join(found or [told]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
