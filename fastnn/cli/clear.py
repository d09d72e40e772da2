"""`fastnn cache clear`: remove the compiled code."""

from .. import kernels


def show() -> None:
    """Remove the compiled code, and print how much it was.

    Other files in the folder stay. OSError if the folder is not this user's alone.
    """
    store = kernels.compiler.store
    try:
        with store.open_folder(create=False) as folder:
            removed = folder.clear()
    except FileNotFoundError:
        removed = []
    files = "1 file" if len(removed) == 1 else f"{len(removed)} files"
    size = sum(entry.size for entry in removed) / 1e6
    print(f"removed {files}, {size:.1f} MB, from {store.folder()}")
