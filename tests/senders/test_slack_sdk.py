"""Slack's own library posts, and understands the answers."""

from slack_sdk.models.attachments import Attachment, AttachmentField
from slack_sdk.models.blocks import ContextBlock, DividerBlock, HeaderBlock, MarkdownTextObject, SectionBlock
from slack_sdk.webhook import WebhookClient

from tests.hooks import Hook


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
