"""Finds Prometheus' promtool, or installs Debian's where this is a CI machine: elsewhere it would start a service.

As a program it does so before the tests, because an installation takes a while.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

INSTALL_SECONDS = 300


def find_promtool() -> str | None:
    """Its path; None where there is none."""
    return shutil.which("promtool")


def install_promtool() -> None:
    """As Debian packages it. Without root, apt or a network nothing is installed."""
    if find_promtool() or not (os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get")):
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "-y", "--no-install-recommends", "prometheus")
    for command in (("apt-get", "update"), install):
        sys.stderr.write(f"Looking for promtool: {' '.join(command)}\n")
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, check=False, stdout=sys.stderr, env=environ, timeout=INSTALL_SECONDS)


if __name__ == "__main__":
    install_promtool()
