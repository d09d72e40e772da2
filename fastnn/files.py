"""Writing files: whole, or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`; if that fails, what was there before stays as it was."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write the file {target}: there is a folder of that name")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write the file {target}: there is no folder {target.parent}")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # as an ordinary new file, not as the private one that mkstemp makes
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
