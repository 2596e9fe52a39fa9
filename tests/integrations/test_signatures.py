"""Standard Webhooks signatures: the specification's own vector both ways, rotation, and every altered byte."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from infitalks.integrations.signatures import SignatureRefused, sign, verify, write_secret

# The specification's own, with the key of its libraries' tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
OTHER = write_secret(b"another key of thirty-two bytes.")


def test_the_known_answer_holds_both_ways() -> None:
    assert sign(ID, AT, BODY, [SECRET]) == HEADERS
    assert verify(HEADERS, BODY, [SECRET], AT) == ID


def test_while_a_secret_is_replaced_either_one_proves_it() -> None:
    headers = sign(ID, AT, BODY, [OTHER, SECRET])
    assert headers["webhook-signature"].split(" ")[1] == SIGNATURE
    for known in ([SECRET], [OTHER], [SECRET, OTHER]):
        assert verify(headers, BODY, known, AT) == ID
    assert verify(HEADERS, BODY, [OTHER, SECRET], AT) == ID
    with pytest.raises(SignatureRefused):
        verify(HEADERS, BODY, [OTHER], AT)


def test_a_signature_of_another_version_is_passed_over() -> None:
    headers = {**HEADERS, "webhook-signature": f"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw {SIGNATURE} v2"}
    assert verify(headers, BODY, [SECRET], AT) == ID


@pytest.mark.parametrize("skew", [-301, 301, 10**9])
def test_a_clock_five_minutes_away_is_refused(skew: int) -> None:
    with pytest.raises(SignatureRefused, match="five minutes"):
        verify(HEADERS, BODY, [SECRET], AT + skew)


@pytest.mark.parametrize("skew", [-299, 299])
def test_a_clock_within_five_minutes_is_taken(skew: int) -> None:
    assert verify(HEADERS, BODY, [SECRET], AT + skew) == ID


def test_every_altered_byte_is_refused() -> None:
    for place in range(len(BODY)):
        altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        with pytest.raises(SignatureRefused):
            verify(HEADERS, altered, [SECRET], AT)
    for name, value in (("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJeK"), ("webhook-timestamp", str(AT + 1))):
        with pytest.raises(SignatureRefused):
            verify({**HEADERS, name: value}, BODY, [SECRET], AT)


def test_the_official_library_accepts_what_we_sign_and_no_altered_byte_of_it() -> None:
    at = int(time.time())
    receiver, headers = Webhook(SECRET), sign(ID, at, BODY, [OTHER, SECRET])
    assert receiver.verify(BODY, headers) == {"test": 2432232314}
    for place in range(len(BODY)):
        altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        with pytest.raises(WebhookVerificationError):
            receiver.verify(altered, headers)
    for name, value in (("webhook-id", ID.lower()), ("webhook-timestamp", str(at + 1))):
        with pytest.raises(WebhookVerificationError):
            receiver.verify(BODY, {**headers, name: value})
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(b"a key that nobody here signs with")).verify(BODY, headers)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", [None, "", "x", "v1", "v1,", "v1,é"])
def test_missing_and_malformed_headers_are_refused(name: str, value: str | None) -> None:
    headers = {key: text for key, text in {**HEADERS, name: value}.items() if text is not None}
    with pytest.raises(SignatureRefused):
        verify(headers, BODY, [SECRET], AT)


def test_an_id_with_a_dot_is_never_signed() -> None:
    with pytest.raises(ValueError, match="dots"):
        sign("a.b", AT, BODY, [SECRET])
