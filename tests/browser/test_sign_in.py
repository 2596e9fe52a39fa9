"""In a real browser: from the sign-in page's button through a provider of another site, and back to the chat."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from infitalks.local import services
from infitalks.local.ports import pick_port
from tests.conftest import started
from tests.providers import issuer, known_at, mock_provider, provider_environ


@pytest.fixture(scope="module")
def acme(services_folder: Path) -> Iterator[str]:
    """The mock provider's issuer."""
    port = pick_port()
    with started(mock_provider(port), services_folder):
        yield issuer(port)


@pytest.fixture(scope="module")
def site(services_environ: dict[str, str], acme: str, services_folder: Path) -> Iterator[str]:
    """Where the app is, with the provider's button."""
    port = pick_port()
    environ = {
        **services_environ,
        **provider_environ(acme),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MONGODB_DATABASE": "browser_sign_in",
    }
    with started(services.upgrade(environ), services_folder) as upgrade:
        assert upgrade.process.wait(60) == 0
    with started(services.web("127.0.0.1", port, environ), services_folder):
        yield environ["PUBLIC_URL"]


@pytest.fixture
def refusals(page: Page) -> list[str]:
    """What the browser refused to do for the page."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if "Content Security" in message.text else None)
    return told


def arrive_at_provider(page: Page, site: str, path: str = "/login") -> None:
    page.goto(site + path)
    page.get_by_role("link", name="Continue with Acme ID").click()
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()


def say_yes(page: Page, subject: str) -> None:
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_the_button_leads_through_the_provider_into_the_chat(
    page: Page, site: str, acme: str, refusals: list[str]
) -> None:
    known_at(acme, "ada", email="ada@example.org", email_verified=True, name="Ada Lovelace")
    arrive_at_provider(page, site)
    assert page.url.startswith(acme)
    say_yes(page, "ada")
    expect(page.get_by_role("button", name="New chat").first).to_be_visible()
    assert page.url.startswith(site)
    page.goto(f"{site}/settings")
    expect(page.get_by_text("Acme ID").first).to_be_visible()
    expect(page.get_by_label("Name", exact=False).first).to_have_value("Ada Lovelace")
    assert refusals == []


def test_whoever_wanted_a_page_gets_it_after_the_provider(page: Page, site: str, acme: str) -> None:
    known_at(acme, "bob", email="bob@example.org", email_verified=True)
    arrive_at_provider(page, site, "/settings")
    say_yes(page, "bob")
    page.wait_for_url(f"{site}/settings")


def test_a_no_at_the_provider_leads_back_to_the_sign_in_page(page: Page, site: str, refusals: list[str]) -> None:
    arrive_at_provider(page, site)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Acme ID did not sign you in")).to_be_visible()
    page.get_by_role("link", name="Back to sign-in").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert refusals == []


def test_a_callback_that_is_loaded_again_is_told_kindly_and_the_sign_in_holds(page: Page, site: str, acme: str) -> None:
    known_at(acme, "eve", email="eve@example.org", email_verified=True)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "/callback?" in request.url else None)
    arrive_at_provider(page, site)
    say_yes(page, "eve")
    expect(page.get_by_role("button", name="New chat").first).to_be_visible()
    answer = page.goto(seen[0])
    assert answer and answer.status == 403
    expect(page.get_by_role("heading", name="Acme ID did not sign you in")).to_be_visible()
    page.goto(site)
    expect(page.get_by_role("button", name="New chat").first).to_be_visible()
