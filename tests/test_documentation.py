"""Every ```python block of the README and of the pages in docs/ runs as it stands."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.run_block import blocks

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(page, start, id=f"{page.relative_to(ROOT).as_posix()}:{start}")
    for page in PAGES
    for start, _ in blocks(page)
]


@pytest.mark.parametrize(("page", "start"), BLOCKS)
def test_block_runs(page: Path, start: int, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "tests/run_block.py", page, str(start)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,  # ends a block that hangs; no block needs a fraction of it
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr


def test_blocks_are_found_with_their_lines(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```python\na = 1\n\nb = 2\n```\n```sh\nls\n```\n```python\nc = 3\n```\n"
    )
    assert list(blocks(page)) == [(4, "a = 1\n\nb = 2\n"), (12, "c = 3\n")]


def test_the_readme_has_blocks() -> None:
    assert any(block.values[0] == ROOT / "README.md" for block in BLOCKS)
