"""What senders send, one file each, in the shape that their sources document; written for these tests."""

import json
from pathlib import Path
from typing import Any


def payload(name: str) -> Any:
    """The file `<name>.json`."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text())
