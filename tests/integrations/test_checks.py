"""Signatures of senders: known answers, every altered byte, clocks that are off."""

import time
from collections.abc import Callable

import pytest
from werkzeug.datastructures import Headers

from infitalks.integrations import checks

BODY = b'{"text": "hello"}'
NOW = int(time.time())


def test_githubs_own_example_is_known() -> None:
    # From GitHub's "Validating webhook deliveries".
    right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = Headers({"x-hub-signature-256": right})
    assert checks.signed_by_github(b"Hello, World!", headers, "It's a Secret to Everybody")


def test_slacks_own_example_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    # The vector of the Slack SDK's tests.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = Headers(
        {
            "X-Slack-Request-Timestamp": "1531420618",
            "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        }
    )
    monkeypatch.setattr(time, "time", lambda: 1531420618.0)
    assert checks.signed_by_slack(body, headers, "8f742231b10e8888abcd99yyyzzz85a5")


def github(at: int) -> tuple[checks.Check, dict[str, str]]:
    return checks.signed_by_github, {"X-Hub-Signature-256": "sha256=" + checks.hex_hmac("s", BODY)}


def gitea(at: int) -> tuple[checks.Check, dict[str, str]]:
    return checks.signed_by_gitea, {"X-Gitea-Signature": checks.hex_hmac("s", BODY)}


def sentry(at: int) -> tuple[checks.Check, dict[str, str]]:
    return checks.signed_by_sentry, {"Sentry-Hook-Signature": checks.hex_hmac("s", BODY)}


def slack(at: int) -> tuple[checks.Check, dict[str, str]]:
    right = "v0=" + checks.hex_hmac("s", f"v0:{at}:".encode(), BODY)
    return checks.signed_by_slack, {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": right}


def grafana(at: int) -> tuple[checks.Check, dict[str, str]]:
    return checks.signed_by_grafana, {"X-Grafana-Alerting-Signature": checks.hex_hmac("s", BODY)}


def grafana_with_time(at: int) -> tuple[checks.Check, dict[str, str]]:
    right = checks.hex_hmac("s", f"{at}:".encode(), BODY)
    return checks.signed_by_grafana, {"X-Grafana-Alerting-Timestamp": str(at), "X-Grafana-Alerting-Signature": right}


Signer = Callable[[int], tuple[checks.Check, dict[str, str]]]
SIGNERS: list[Signer] = [github, gitea, sentry, slack, grafana, grafana_with_time]


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_right_signature_holds_and_every_altered_byte_breaks_it(signer: Signer) -> None:
    check, given = signer(int(time.time()))
    assert check(BODY, Headers(given), "s")
    assert not check(BODY, Headers(given), "t")
    assert not check(BODY, Headers(), "s")
    for place in range(len(BODY)):
        altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert not check(altered, Headers(given), "s"), place
    for name, value in given.items():
        for place in range(len(value)):
            other = "0" if value[place] != "0" else "1"
            altered_value = value[:place] + other + value[place + 1 :]
            assert not check(BODY, Headers({**given, name: altered_value}), "s"), (name, place)


@pytest.mark.parametrize("signer", [slack, grafana_with_time])
def test_a_clock_may_be_off_by_five_minutes_and_no_more(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    for off, right in ((-300, True), (300, True), (-301, False), (301, False)):
        check, given = signer(NOW + off)
        assert check(BODY, Headers(given), "s") is right, off
    for odd in ("", "x", "１２", "-5", "9" * 400):
        check, given = signer(int(time.time()))
        name = next(name for name in given if name.endswith("Timestamp"))
        assert not check(BODY, Headers({**given, name: odd}), "s"), odd


def test_gitlabs_token_and_bearers_are_the_secret_itself() -> None:
    assert checks.known_to_gitlab(BODY, Headers({"X-Gitlab-Token": "s"}), "s")
    assert not checks.known_to_gitlab(BODY, Headers({"X-Gitlab-Token": "S"}), "s")
    assert checks.bearer(BODY, Headers({"Authorization": "Bearer s"}), "s")
    for wrong in ("s", "Basic s", "Bearer", "Bearer t", "Bearer é"):
        assert not checks.bearer(BODY, Headers({"Authorization": wrong}), "s"), wrong
