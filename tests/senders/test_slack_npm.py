"""npm's `@slack/webhook` posts, and understands the answers."""

import json
import subprocess
from typing import Any

from tests.hooks import Hook

SEND = """
const { IncomingWebhook } = require("@slack/webhook");
const [url, message] = process.argv.slice(1);
new IncomingWebhook(url).send(JSON.parse(message)).then(
  (answer) => console.log(JSON.stringify({ text: answer.text })),
  (error) => console.log(JSON.stringify({ code: error.code, message: error.message })),
);
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("node", "-e", *arguments), capture_output=True, text=True, timeout=30, check=False)


def send(url: str, message: dict[str, Any]) -> Any:
    return json.loads(run(SEND, url, json.dumps(message)).stdout)


def test_it_posts_and_hears_why_not(address: str, hook: Hook) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "*from npm*"}}
    assert send(address + hook.path, {"text": "fallback", "blocks": [block]}) == {"text": "ok"}
    assert hook.messages()[0]["text"] == "**from npm**"
    refused = send(address + hook.path, {"text": ""})
    assert refused["code"] == "slack_webhook_http_error" and "400" in refused["message"]
