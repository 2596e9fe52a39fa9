"""The version that pages are told of: another one as soon as another page is built."""

import os
from pathlib import Path

import pytest
from flask import Flask

from tests.people import Person


def test_every_answer_names_the_version_and_another_build_is_another_one(
    app: Flask, ada: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "static_folder", str(tmp_path))
    manifest = tmp_path / "dist" / "manifest.json"

    def told(path: str = "/api/users/me") -> str:
        return ada.get(path).headers["X-InfiTalks-Version"]

    def build(name: str, at: int) -> str:
        manifest.parent.mkdir(exist_ok=True)
        manifest.write_text(f'{{"app.js": ["{name}.js"], "app.css": ["app.css"]}}')
        os.utime(manifest, (at, at))
        return told()

    package = app.config["VERSION"]
    assert told() == f"{package}+none"
    first = build("app-1", 1)
    assert first.startswith(f"{package}+") and len(first) == len(package) + 13
    assert told("/api/nothing") == first and f'"version": "{first}"' in ada.get("/c").text
    assert build("app-2", 2) != first
    assert build("app-1", 3) == first
