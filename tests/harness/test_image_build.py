"""The trial of the image reads its Dockerfile as an engine does."""

from pathlib import Path

import pytest

from ingestsite.configuration import ROOT
from tests.harness import image_build
from tests.support import dockerfile


def test_our_dockerfile_has_only_instructions_that_are_carried_out() -> None:
    first, last = dockerfile.read_stages(ROOT / "deploy" / "Dockerfile")
    assert first.base == last.base
    assert (first.name, last.name) == ("build", "")
    assert [word for word, _ in first.instructions] == ["WORKDIR", "COPY", "RUN", "COPY", "RUN"]
    words = dict(last.instructions)
    assert words["USER"] == "999"
    assert dockerfile.read_health_check(words["HEALTHCHECK"])[0] == "python"


def test_an_unknown_instruction_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian\nADD https://example.com/x /x\n")
    with pytest.raises(ValueError, match="ADD"):
        dockerfile.read_stages(path)


def test_comments_and_continued_lines_make_one_instruction(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("ARG BASE=debian:1\nFROM ${BASE} AS one\nRUN a \\\n# why\n    && b\n")
    (stage,) = dockerfile.read_stages(path)
    assert (stage.base, stage.name) == ("debian:1", "one")
    ((word, text),) = stage.instructions
    assert (word, text.split()) == ("RUN", ["a", "&&", "b"])


def test_a_variable_may_name_earlier_ones() -> None:
    before = {"PATH": "/bin"}
    read = dockerfile.read_environment("PATH=/opt/bin:$PATH A=b", before)
    assert read == {"PATH": "/opt/bin:/bin", "A": "b"}


def test_ignored_files_stay_outside(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("var\n**/*.env\n")
    leave_out = dockerfile.ignored(tmp_path)
    assert leave_out(str(tmp_path), ["var", "x.env", "ingest"]) == {"var", "x.env"}
    assert leave_out(str(tmp_path / "ingest"), ["var", "x.env"]) == {"x.env"}


def test_what_compose_runs_from_the_image_is_what_is_tried() -> None:
    assert image_build.services().keys() == {"web", "extract", "save", "notify", "flower"}
