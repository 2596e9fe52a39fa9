"""The Python port of the page's machine does in every shared case exactly what the page does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.faults.catchup import begin, next_due, rows_of, step
from tests.faults.pagestate import Page

FILE = json.loads((Path(__file__).parent.parent / "cases" / "catchup.json").read_text())
SHORT = re.compile(r"(\d+): (?:(edit|delete|reaction|media) (\d+): )?(.*)")


def entry(short: str) -> dict[str, Any]:
    """An entry of its short form in the file of cases."""
    found = SHORT.fullmatch(short)
    assert found, short
    seq, kind, about, text = found.groups()
    if text in ("member", "chat"):
        return {"seq": int(seq), "kind": text}
    about = int(about or seq)
    message = {"id": f"m{about}", "seq": about, "text": text}
    return {"seq": int(seq), "kind": kind or "message", "message": message}


def written_out(given: Any) -> Any:
    """An input or a start with its entries in full."""
    if not isinstance(given, dict):
        return given
    full = {key: written_out(value) for key, value in given.items()}
    return full | {"entries": [entry(short) for short in given["entries"]]} if "entries" in given else full


def shown(page: Page) -> list[str]:
    return [f"{row.seq} {row.message['text'] if row.message else row.entry['kind']}" for row in rows_of(page, "c")]


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_the_port_does_as_the_page_does_when(case: dict[str, Any]) -> None:
    page, now = begin(written_out(case.get("start", FILE["start"])), 0, 0), 0
    for number, given in enumerate(case["steps"]):
        now = given.get("at", now)
        page, effects = step(page, written_out(given["give"]), now, given.get("random", 0))
        assert effects == given["do"], f"step {number}"
        if "due" in given:
            assert next_due(page) == given["due"], f"step {number}"
    assert shown(page) == case["rows"]
