"""Writing files: whole, or not at all."""

import os
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`; if that fails, what was there before stays as it was."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(
            f"cannot write the file {target}: there is a folder of that name"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write the file {target}: there is no folder {target.parent}"
        )
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # of a full disk, or of the temporary file
            raise type(error)(
                f"cannot write the file {target}: {error.strerror or error}"
            ) from error
        raise
