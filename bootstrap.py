"""Sets up what `make run` and `make test` need, skipping what is current. A bare Python 3.11 is enough.

Not for: production, where the packages, the built page and the databases come from the image or the host.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what tells so
    sys.exit(
        f"InfiTalks needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. "
        "With another one: make PYTHON=python3.12 run"
    )

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMPS = VENV / "stamps"
PYTHON = str(VENV / "bin" / "python")
OLDEST_NODE = 20
PIP = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def main(command: str) -> int:
    """Set up for the command, then do it. Returns the exit status."""
    os.chdir(ROOT)
    if not os.environ.get("HOME"):  # empty, it makes programs write into a folder named ~ beside us
        os.environ.pop("HOME", None)
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    set_up("requirements.lock" if command in ("run", "setup") else "requirements-test.lock")
    commands: dict[str, Callable[[], int]] = {"setup": lambda: 0, "run": serve, "check": check, "test": test}
    commands |= {"faults": faults, "screenshots": screenshots}
    return commands[command]()


def set_up(lock: str) -> None:
    """The Python environment, Node.js where there is none, and the built page."""
    make_venv()
    step(
        "Python packages",
        inputs=[lock, "pyproject.toml"],
        commands=[
            (*PIP, "--require-hashes", "-r", lock),
            (*PIP, "--no-deps", "--no-build-isolation", "--editable", "."),
        ],
        stamp=lock,
    )
    if not node_on_path():
        node = "requirements-node.lock"
        step("Node.js", inputs=[node], commands=[(*PIP, "--require-hashes", "-r", node)], stamp=node)
    packages = ["package.json", "package-lock.json", ".npmrc"]
    step(
        "npm packages",
        inputs=packages,
        commands=[("npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")],
        output="node_modules/.package-lock.json",
    )
    step(
        "chat page",
        inputs=[*packages, "build.mjs", *files_under("frontend")],
        commands=[("node", "build.mjs")],
        output="infitalks/static/dist/manifest.json",
    )


def serve() -> int:
    """Become the supervisor."""
    tether = (PYTHON, "infitalks/local/tether.py", "SIGTERM", str(os.getppid()))  # make's end stops the run
    os.execv(PYTHON, (*tether, PYTHON, "-m", "infitalks.cli", "run"))


def check() -> int:
    """Linters and types, of Python and of the page."""
    return run_all(("ruff", "check", "."), ("mypy",), ("npm", "run", "--silent", "check"))


def test() -> int:
    """Everything that has to be green before a change goes in."""
    checked = check()
    # Installed here, where no test's time limit runs.
    run((PYTHON, "-m", "tests.browser.chromium"))
    run((PYTHON, "-m", "tests.senders.alertmanager"))
    run((PYTHON, "-m", "tests.monitoring.promtool"))
    # By file, as the tests of one share what they set up.
    spread = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile")
    tested = run_all(("npm", "test", "--silent"), (PYTHON, "-m", "pytest", *spread))
    return checked or tested


def faults() -> int:
    """All fault tests in full, with the dice of SEED (default 1), and the table of what was survived."""
    os.environ["FAULTS"] = "full"
    return call((PYTHON, "-m", "pytest", "tests/faults"))


def screenshots() -> int:
    """Make the README's pictures anew."""
    return call((PYTHON, "-m", "tests.browser.screenshots"))


def make_venv() -> None:
    """A virtual environment in .venv; made anew where the one that is there was moved or lost its Python."""
    made_for = STAMPS / "folder"
    moved = made_for.exists() and made_for.read_text() != str(ROOT)
    if moved or not python_works():
        say("Making .venv")
        run((sys.executable, "-m", "venv", "--clear", str(VENV)))
    STAMPS.mkdir(exist_ok=True)
    made_for.write_text(str(ROOT))


def python_works() -> bool:
    """True where .venv has a Python that is new enough, and pip."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    return os.path.exists(PYTHON) and subprocess.run((PYTHON, "-c", probe), check=False).returncode == 0


def node_on_path() -> bool:
    """True where a Node.js that is new enough, and npm, can be called (perhaps from .venv)."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    answer = subprocess.run(("node", "--version"), capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)", answer)
    return version is not None and int(version[1]) >= OLDEST_NODE


def step(
    name: str, inputs: Iterable[str], commands: Iterable[Sequence[str]], output: str = ".", stamp: str = ""
) -> None:
    """Run the commands unless they ran before on these very inputs and their output is still there."""
    file = STAMPS / (stamp or name.replace(" ", "-"))
    digest = digest_of(inputs)
    if file.exists() and file.read_text() == digest and os.path.exists(output):
        return
    say(f"Setting up: {name}")
    for command in commands:
        run(command)
    file.write_text(digest)


def digest_of(paths: Iterable[str]) -> str:
    """Changes with any name or byte of the files."""
    total = hashlib.sha256()
    for path in paths:
        content = Path(path).read_bytes() if os.path.exists(path) else b""
        total.update(f"{path}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def files_under(folder: str) -> list[str]:
    """All files below a folder, in a steady order."""
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def run(command: Sequence[str]) -> None:
    """Run to its end, or end with its status."""
    status = call(command)
    if status:
        sys.exit(f"Failed with status {status}: {' '.join(command)}")


def run_all(*commands: Sequence[str]) -> int:
    """Run every command even where one fails, so that one look shows all that is wrong; 1 if any failed."""
    failed = []
    for command in commands:
        say(" ".join(command).replace(PYTHON, "python"))
        if call(command):
            failed.append(" ".join(command))
    for line in failed:
        say(f"FAILED: {line}")
    return 1 if failed else 0


def call(command: Sequence[str]) -> int:
    """The status of a command, found through our PATH."""
    return subprocess.run((shutil.which(command[0]) or command[0], *command[1:]), check=False).returncode


def say(line: str) -> None:
    """A line for the person who waits."""
    print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
