"""The registry's `discord-webhook` posts, edits and deletes."""

import discord_webhook

from tests.hooks import Hook


def test_it_posts_edits_and_deletes_its_message(address: str, hook: Hook) -> None:
    embed = discord_webhook.DiscordEmbed(title="Build 7", description="All **green**", color="03b2f8")
    embed.add_embed_field(name="Tests", value="12")
    embed.set_timestamp()
    client = discord_webhook.DiscordWebhook(url=f"{address}{hook.path}/discord", content="first", username="CI")
    client.add_embed(embed)
    answer = client.execute()
    assert answer.status_code == 200 and answer.json()["content"] == "first"
    client.content = "second"
    assert client.edit().status_code == 200
    (message,) = hook.messages()
    assert [card["text"] for card in message["cards"]] == ["second", "All **green**"]
    assert message["via"]["name"] == "CI" and message["edited_at"]
    assert client.delete().status_code == 204
    assert hook.messages()[0]["deleted"]


def test_its_files_are_named_and_not_taken(address: str, hook: Hook) -> None:
    client = discord_webhook.DiscordWebhook(url=f"{address}{hook.path}/discord", content="with a file")
    client.add_file(file=b"\x00\xff", filename="log.bin")
    assert client.execute().status_code == 200
    (message,) = hook.messages()
    assert [card["text"] or card["footer"] for card in message["cards"]] == [
        "with a file",
        "Files that were not taken: log.bin",
    ]
