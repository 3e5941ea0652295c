"""What other users of this machine can do with files."""

from pathlib import Path


def others_may_read(folder: Path) -> list[Path]:
    """Return a folder and what is in it, as far as other users may read or enter it."""
    return [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]
