"""What is deliberately absent: imports that point up the flow, and a web process with a model."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from ingest.nlp.patterns import TOO_SLOW

ROOT = Path(__file__).parent.parent

# A package imports only from those of the lines above its own.
LAYERS = (
    ("core", "process", "client"),
    ("samples", "observability", "loader"),
    ("nlp", "store", "middleware", "follow"),
    ("models",),
    ("broker",),
    ("operations", "analytics"),
    ("notify",),
    ("worker", "api", "admin", "dashboard"),
    ("web", "tasks", "management"),
    ("devstack",),
)
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
ENTRY_POINTS = {"__init__", "__main__", "apps"}
MAX_MODULES = 17  # of a package: what a reader looks through
# A worker's code is reached by messages only.
WEB_PROCESS = ("api", "web", "admin", "dashboard", "middleware")


def imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, by their whole name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if is_module(name) else node.module for name in whole}
    return {name for name in found if name.split(".")[0] in ("ingest", "ingestsite")}


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def modules(package: str = "ingest") -> list[Path]:
    return [p for p in sorted((ROOT / package).rglob("*.py")) if "migrations" not in p.parts]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room(name: str) -> str:
    """Return the package, or the module beside the packages, that a module belongs to."""
    return [*name.split("."), "__init__"][1]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    own = room(name_of(path))
    if own in ENTRY_POINTS:
        return
    of_ingest = {room(name) for name in imports(path) if name.startswith("ingest.")}
    above = {name for name in of_ingest - {own} if RANKS.get(name, len(RANKS)) >= RANKS[own]}
    assert not above, f"{own} imports {above}, which stand beside or above it"


def test_no_import_leads_round_in_a_circle_inside_a_package_or_between_the_two() -> None:
    names = {
        name_of(path): path for package in ("ingest", "ingestsite") for path in modules(package)
    }
    graph = {name: imports(path) & names.keys() - {name} for name, path in names.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(names)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_devstack_reads_the_server_s_configuration(path: Path) -> None:
    of_site = {name for name in imports(path) if name.startswith("ingestsite")}
    allowed = {"ingestsite.configuration"} if room(name_of(path)) == "devstack" else set()
    assert of_site <= allowed


def test_the_web_process_imports_no_task() -> None:
    found = {
        (name_of(path), name)
        for path in modules()
        for name in imports(path)
        if room(name_of(path)) in WEB_PROCESS and room(name) in ("worker", "tasks")
    }
    assert not found


def test_rows_know_only_the_core_and_what_a_pattern_is() -> None:
    found = {name for path in modules("ingest/models") for name in imports(path)}
    others = {name for name in found if not name.startswith(("ingest.core.", "ingest.models."))}
    assert others == {"ingest.nlp.patterns"}


def test_no_two_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for path in modules()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name != "Command"
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    "folder", [path.parent for path in modules() if path.name == "__init__.py"], ids=name_of
)
def test_a_package_is_small_enough_to_look_through(folder: Path) -> None:
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MAX_MODULES


def of_package(package: str) -> list[str]:
    return [name_of(path) for path in modules(f"ingest/{package}")]


@pytest.mark.parametrize(
    "name", [name for package in ("core", "nlp", "process") for name in of_package(package)]
)
def test_the_core_knows_neither_django_nor_celery(name: str) -> None:
    code = f"import sys, {name}; print({{'django', 'celery', 'spacy'}} & set(sys.modules))"
    assert _run(code) == "set()"


def test_a_client_knows_no_server_and_none_of_its_settings() -> None:
    server = "{'django', 'celery', 'spacy', 'ingestsite', 'redis', 'google'}"
    clients = "ingest.loader.__main__, ingest.follow.__main__"
    code = f"import sys, {clients}; print({server} & set(sys.modules))"
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
