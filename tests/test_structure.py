"""What is deliberately absent: imports that point up the flow, and a web process with a model."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.nlp.patterns import TOO_SLOW

ROOT = Path(__file__).parent.parent
LAYERS = (
    ("posts", "sizing"),
    ("messages", "names", "cleaning", "slots"),
    ("mentions",),
    ("watchdog", "stopping", "tether", "heap", "settling", "transport"),
    ("pace", "metrics", "story", "tracing"),
    ("samples",),
    ("patterns",),
    ("counts", "extract", "broker", "client", "receipts"),
    ("revisions", "aliases", "languages", "load"),
    ("models",),
    ("store", "pipeline", "rulebook"),
    ("windows", "comparing", "passages", "leading"),
    ("listing",),
    ("queries",),
    ("runs", "suggestions"),
    ("gate", "gather", "attempts", "throttle", "answers", "audit", "workers"),
    ("intake", "finding", "poison", "replay", "reprocess", "summaries"),
    ("tasks", "problems", "authentication", "request_ids"),
    ("bodies", "submission", "exports"),
    ("streaming", "description"),
    ("api", "reading", "desk", "health", "web"),
    ("scrape",),
    ("urls", "management", "stack"),
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, by their first name below `ingest`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "ingest":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingest."):
            found.add(str(node.module).split(".")[1])
    return found


def modules() -> list[Path]:
    return [p for p in (ROOT / "ingest").rglob("*.py") if "migrations" not in p.parts]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = path.relative_to(ROOT / "ingest").with_suffix("").parts[0]
    if own == "__init__":
        return
    above = {n for n in imports(path) - {own} if RANKS.get(n, len(RANKS)) >= RANKS[own]}
    assert not above, f"{own} imports {above}, which stand beside or above it"


@pytest.mark.parametrize(
    "name",
    [
        "posts",
        "messages",
        "cleaning",
        "names",
        "mentions",
        "counts",
        "aliases",
        "revisions",
        "patterns",
        "extract",
        "languages",
        "watchdog",
    ],
)
def test_the_core_knows_neither_django_nor_celery(name: str) -> None:
    code = f"import sys, ingest.{name}; print({{'django', 'celery', 'spacy'}} & set(sys.modules))"
    assert _run(code) == "set()"


def test_a_client_knows_no_server_and_none_of_its_settings() -> None:
    server = "{'django', 'celery', 'spacy', 'ingestsite', 'redis', 'google'}"
    code = f"import sys, ingest.loader.__main__; print({server} & set(sys.modules))"
    assert _run(code) == "set()"


def test_the_web_process_never_loads_spacy() -> None:
    """Even where a pattern is judged that would take all time and memory that there is."""
    code = """if True:
        import sys, ingestsite.wsgi, ingestsite.urls
        from ingest.nlp.patterns import SpacyPattern, problem_of
        print(problem_of(SpacyPattern("ORG", [{"OP": "*"}] * 3)), 'spacy' in sys.modules)
    """
    assert _run(code) == f"{TOO_SLOW} False"


def _run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip()
