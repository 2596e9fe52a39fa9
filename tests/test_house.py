"""The house's rules, read from the source: who imports whom, who writes, who knows of requests, how large files are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "infitalks"

# A module imports from its own package and from lines below its own.
LAYERS = [
    {"wsgi", "worker", "cli"},
    {"app"},
    {"blueprints", "tasks"},
    {"actions"},
    {"events"},
    {"integrations", "access", "schemas"},
    {"models", "backends"},
    {"settings", "errors", "failpoints", "trace", "logs", "metrics", "words", "icons"},
]
NEVER_EACH_OTHER = [{"blueprints", "tasks"}, {"models", "backends"}]
BELOW_LOCAL = {"settings", "logs"}

ONLY_IN = {
    "pusher": ["backends"],
    "cloudinary": ["backends"],
    "requests": ["backends"],
    "authlib": ["backends"],
    "redis": ["backends"],
    "prometheus_client": ["metrics.py", "local/gateway"],
    "celery": ["backends/queue.py", "tasks", "app.py", "worker.py"],
}
REQUEST_BOUND = {"request", "session", "current_user", "current_app", "g"}
WRITES = {
    "save", "delete", "modify", "update", "insert_one", "insert_many", "update_one", "update_many", "replace_one",
    "delete_one", "delete_many", "find_one_and_update", "find_one_and_delete", "bulk_write", "create_index",
}  # fmt: skip
# Not documents: a blueprint's routes, and Redis.
NOT_DOCUMENTS = {"blueprint", "_connection()"}
LONGEST_FILE = 400


def sources() -> list[Path]:
    """Every Python file of the product."""
    return sorted([*PACKAGE.rglob("*.py"), ROOT / "wsgi.py", ROOT / "worker.py", *(ROOT / "migrations").glob("*.py")])


def room_of(path: Path) -> str:
    """The layer's name that a file belongs to."""
    if path.parent == ROOT:
        return path.stem
    top = path.relative_to(PACKAGE).parts[0] if path.is_relative_to(PACKAGE) else "migrations"
    return top.removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import; the name is empty for a plain import."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def rooms_imported_by(path: Path) -> set[str]:
    """The layers of our own that a file imports from."""
    rooms = set()
    for module, name in imports_of(path):
        parts = module.split(".")
        if parts[0] == "infitalks":
            rooms.add(parts[1] if len(parts) > 1 else name)
        elif parts[0] in ("migrations", "wsgi", "worker"):
            rooms.add(parts[0])
    return rooms


def level_of(room: str) -> int:
    return next(level for level, rooms in enumerate(LAYERS) if room in rooms)


def may_import(room: str, other: str) -> bool:
    """Whether a file of `room` may import from `other`."""
    if room == other or {room, other} == {"actions", "migrations"}:
        return True
    if other == "local":
        return room == "cli"
    if room == "local":
        return other in BELOW_LOCAL
    if "migrations" in (room, other):
        return False
    same_line = level_of(room) == level_of(other) and not any({room, other} <= pair for pair in NEVER_EACH_OTHER)
    return level_of(other) > level_of(room) or same_line


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    wrong = {other for other in rooms_imported_by(path) if not may_import(room, other)}
    assert not wrong, f"{room} imports from {wrong}"


def test_the_rule_of_imports_can_fail() -> None:
    assert not may_import("models", "actions")
    assert not may_import("blueprints", "tasks")
    assert not may_import("local", "models")
    assert not may_import("actions", "local")


def test_no_two_modules_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = set()
        for module, imported in imports_of(path):
            graph[name] |= {module, f"{module}.{imported}"}
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way, name))
        if name in done or name not in graph:
            return
        for other in graph[name] - {name}:
            # A package's __init__ is no step of its own: importing a module runs it anyway.
            walk(other, (*way, name))
        done.add(name)

    for name in graph:
        walk(name, ())


@pytest.mark.parametrize(("package", "homes"), ONLY_IN.items())
def test_one_place_speaks_to_each_service(package: str, homes: list[str]) -> None:
    users = [path for path in sources() if any(module.split(".")[0] == package for module, _ in imports_of(path))]
    assert users, f"nobody imports {package}"
    for path in users:
        place = path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name
        assert any(place == home or place.startswith(home + "/") for home in homes), f"{place} imports {package}"


def test_only_doors_know_of_requests() -> None:
    for path in sources():
        names = {name for module, name in imports_of(path) if module in ("flask", "flask_login")}
        if room_of(path) not in ("blueprints", "app", "local") and names & REQUEST_BOUND:
            pytest.fail(f"{path.relative_to(ROOT)} imports {names & REQUEST_BOUND}")


def is_write(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITES:
        return False
    if call.func.attr == "update":  # a set's or dict's, unless it says set__field
        return any("__" in (keyword.arg or "") for keyword in call.keywords)
    if call.func.attr == "save" and call.args:  # a picture's, into a file
        return False
    return ast.unparse(call.func.value).split(".")[-1] not in NOT_DOCUMENTS


def writes_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and is_write(node):
            yield f"{ast.unparse(node.func)}, line {node.lineno}"


def test_documents_are_written_only_in_actions_and_migrations() -> None:
    writers = {room_of(path) for path in sources() if any(writes_in(path))}
    assert "actions" in writers and "migrations" in writers
    for path in sources():
        if room_of(path) not in ("actions", "migrations", "local"):
            assert list(writes_in(path)) == [], path.relative_to(ROOT)


def test_nothing_but_settings_reads_the_environment() -> None:
    for path in sources():
        if room_of(path) in ("local", "settings"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                line = path.read_text().splitlines()[node.lineno - 1]
                assert "load_settings(" in line or "prepare(" in line, f"{path.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_small_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    assert path.stem not in ("utils", "helpers", "common", "manager")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module opens with what it is for"


def test_every_ring_has_a_task_and_every_queue_a_worker() -> None:
    from infitalks.backends.queue import QUEUES, celery_app
    from infitalks.local import run
    from infitalks.tasks import BEAT

    rung = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("queue.ring", "queue.ring_once"):
                rung.add(ast.literal_eval(node.args[0]))
    rung |= {entry["task"] for entry in BEAT.values()}
    assert rung and rung <= set(celery_app.tasks), rung - set(celery_app.tasks)
    assert {name.split(".")[0] for name in rung} <= set(QUEUES)
    watched = {name for text in Path(run.__file__).read_text().split('"') for name in text.split(",")}
    assert set(QUEUES.values()) <= watched
