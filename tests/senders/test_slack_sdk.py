"""Slack's own library posts, and understands the answers; and it believes what a pressed button tells."""

import json
from urllib.parse import parse_qs, urlsplit

from slack_sdk.models.attachments import Attachment, AttachmentField
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    MarkdownTextObject,
    SectionBlock,
)
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from infitalks.actions.sending_asks import send_ask
from tests.api.test_presses import asked, press
from tests.hooks import Hook
from tests.receivers import Receiver


def test_text_blocks_and_attachments_are_posted(address: str, hook: Hook) -> None:
    client = WebhookClient(address + hook.path)
    sent = [
        client.send(text="*plain* <https://e.example|link>"),
        client.send(
            text="the line for a notification",
            blocks=[
                HeaderBlock(text="Deploy"),
                SectionBlock(text="*prod*", fields=["v7", "by ada"]),
                DividerBlock(),
                ContextBlock(elements=[MarkdownTextObject(text="at noon")]),
            ],
        ),
        client.send(
            text="look",
            attachments=[
                Attachment(
                    text="it burns", title="Disk", color="danger", fields=[AttachmentField(title="n", value="5")]
                )
            ],
        ),
    ]
    assert [(answer.status_code, answer.body) for answer in sent] == [(200, "ok")] * 3
    plain, blocks, attachment = hook.messages()
    assert plain["text"] == "**plain** [link](<https://e.example>)" and plain["cards"] == []
    assert [card["title"] for card in blocks["cards"]] == ["Deploy", ""]
    assert [field["text"] for field in blocks["cards"][0]["fields"]] == ["v7", "by ada"]
    assert [card["color"] for card in attachment["cards"]] == [None, "#a30200"]


def test_refusals_are_understood(address: str, hook: Hook) -> None:
    refused = WebhookClient(address + hook.path).send(text="")
    assert (refused.status_code, refused.body) == (400, "no_text")
    gone = WebhookClient(f"{address}/hooks/nobody").send(text="x")
    assert (gone.status_code, gone.body) == (404, "no_service")


def test_a_button_is_posted_and_its_press_comes_back_signed_and_is_answered(
    address: str, hook: Hook, receiver: Receiver
) -> None:
    made = hook.owner.patch(f"/api/webhooks/{hook.made['id']}", {"actions_url": receiver.url}).json
    sure = ConfirmObject(title="Sure?", text="It is Friday.", confirm="Deploy", deny="Wait")
    go = ButtonElement(text="Deploy", action_id="deploy", value="v7", style="primary", confirm=sure)
    blocks = [SectionBlock(text="Deploy *v7*?"), ActionsBlock(block_id="release", elements=[go])]
    assert WebhookClient(address + hook.path).send(text="Deploy?", blocks=blocks).body == "ok"
    (message,) = hook.messages()
    (button,) = message["cards"][0]["buttons"]
    assert (button["text"], button["style"], button["confirm"]["ok"]) == ("Deploy", "primary", "Deploy")

    assert press(hook.owner, message).status_code == 204
    send_ask(asked(hook)[0]["_id"])
    (got,) = receiver.got
    assert SignatureVerifier(made["secret"]).is_valid_request(got.body, got.headers)
    told = json.loads(parse_qs(got.body.decode())["payload"][0])
    assert [(each["block_id"], each["action_id"], each["value"]) for each in told["actions"]] == [
        ("release", "deploy", "v7")
    ]
    response = WebhookClient(address + urlsplit(told["response_url"]).path)
    answered = response.send(text="*v7* is on its way.", replace_original=True)
    assert (answered.status_code, answered.body) == (200, "ok")
    assert [message["text"] for message in hook.messages()] == ["**v7** is on its way."]
