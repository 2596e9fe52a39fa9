"""How people want their pages: set by the API or a page without script, kept with the account, told to their pages."""

from infitalks.models.users import User
from infitalks.schemas.users import PreferencesOut
from tests.api.listening import forget_bells, rung
from tests.people import Person
from tests.running import wait_until

PATH = "/api/users/me/preferences"
DEFAULTS = PreferencesOut().model_dump()


def test_what_is_given_is_set_and_the_users_pages_are_told(ada: Person, redis_url: str) -> None:
    assert ada.get(PATH).json == ada.get("/api/users/me").json["preferences"] == DEFAULTS
    forget_bells(redis_url)
    set_now = {**DEFAULTS, "enter_sends": False}
    assert ada.patch(PATH, {"enter_sends": False}).json == set_now
    wait_until(lambda: rung(redis_url, "realtime.tell_me", ada.id), "her pages are told")
    assert ada.patch(PATH, {}).json == ada.get("/api/users/me").json["preferences"] == set_now


def test_the_page_without_script_sets_them_and_shows_them(ada: Person) -> None:
    form = {"csrf_token": ada.csrf, "enter_sends": "off", "read_receipts": "on"}
    assert ada.client.post("/settings/preferences", data=form).status_code == 302
    assert '<option value="off" selected>Ctrl+Enter' in ada.client.get("/settings").text
    refused = ada.client.post("/settings/preferences", data={**form, "enter_sends": "perhaps"})
    assert refused.status_code == 422 and ada.get(PATH).json == {**DEFAULTS, "enter_sends": False}


def test_what_a_version_does_not_know_does_not_stop_it(ada: Person) -> None:
    User.objects(username=ada.username).update(set__preferences={"enter_sends": False, "of_a_newer_version": 7})
    assert ada.get(PATH).json == {**DEFAULTS, "enter_sends": False}
    assert ada.patch(PATH, {"of_a_newer_version": 7}).status_code == 422
