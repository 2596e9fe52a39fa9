"""Apprise's Mattermost, JSON and form plugins, as they come from the registry."""

import warnings
from urllib.parse import urlsplit

import pytest

from tests.hooks import Hook

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # `imghdr`, which some of its plugins still import
    import apprise

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")


def notify(url: str) -> bool:
    sender = apprise.Apprise()
    assert sender.add(url)
    return bool(sender.notify(title="Backup", body="**done**"))


def secret(hook: Hook) -> str:
    return hook.path.rpartition("/")[2]


def test_its_mattermost_plugin_posts(address: str, hook: Hook) -> None:
    assert notify(f"mmost://{urlsplit(address).netloc}/{secret(hook)}")
    (message,) = hook.messages()
    assert "Backup" in message["text"] and "**done**" in message["text"]
    assert not notify(f"mmost://{urlsplit(address).netloc}/nobody")


@pytest.mark.parametrize("plugin", ["json", "form"])
def test_its_json_and_form_plugins_post(address: str, hook: Hook, plugin: str) -> None:
    where = f"{plugin}://{urlsplit(address).netloc}/hooks/{{}}/json"
    assert notify(where.format(secret(hook)))
    (message,) = hook.messages()
    assert (message["cards"][0]["title"], message["cards"][0]["text"]) == ("Backup", "**done**")
    assert not notify(where.format("nobody"))
