"""The check of the documents finds each kind of fault, and no other."""

from pathlib import Path

import pytest

from tests.harness import prose

SHORT = "The worker saves a post. "
LONG = f"The worker saves {'very ' * 28}many posts. "
LINES = "A line.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# Other: `make x`\n\n## Twice\n\n## Twice\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("README.md", f"{'word ' * 16}end.", "17.0 words a sentence"),
        ("docs/a.md", SHORT * 18 + LONG, "5.3% over 30 words"),
        ("docs/a.md", "See [it](none.md).", "the link none.md leads nowhere"),
        ("docs/a.md", "| See [it](none.md) |", "the link none.md leads nowhere"),
        ("README.md", "![A picture](docs/none.png)", "the link docs/none.png leads nowhere"),
        ("README.md", "[it](docs/other.md#none)", "the link docs/other.md#none leads nowhere"),
        ("README.md", "# Here\n\n[it](#there)", "the link #there leads nowhere"),
        ("README.md", LINES * 121, "121 lines, at most 120"),
        ("README.md", SHORT * 141, "705 words, at most 700"),
        ("ARCHITECTURE.md", LINES * 171, "171 lines, at most 170"),
        ("ARCHITECTURE.md", SHORT * 281, "1405 words, at most 1400"),
        ("docs/decisions/0001.md", LINES * 171, "171 lines, at most 170"),
    ],
)
def test_a_fault_is_found(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, fault: str
) -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert prose.main(root) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{name}: ")
    assert fault in line


@pytest.mark.parametrize(
    "text",
    [
        SHORT * 19 + LONG,
        f"```\n{LONG}\n[it](none.md)\n```\n",
        f"{SHORT}\n\n    {LONG}\n",
        f"# {LONG}\n\n| {LONG} |\n",
        "\n".join(f"- {'word ' * 12}" for _ in range(3)),
        "`[it](none.md)` [it](https://example.org/none) [it](mailto:someone@example.org)",
        "[it](docs/) [it](docs/other.md) [it](docs/other.md#other-make-x)",
        "[it](docs/other.md#twice) [it](docs/other.md#twice-1)",
    ],
)
def test_a_good_text_passes(root: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (root / "README.md").write_text(text)
    assert prose.main(root) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("prose: 2 documents, ")


def test_the_report_of_a_load_test_is_checked_too(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "docs" / "load-test").mkdir()
    (root / "docs" / "load-test" / "README.md").write_text(LONG)
    assert prose.main(root) == 1
    assert "docs/load-test/README.md" in capsys.readouterr().out


def test_the_documents_of_the_repository_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main() == 0, capsys.readouterr().out
