"""One Chromium and one product for the session, and a fresh profile for each test that asks for a page or a person."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.chromium import find_browser
from tests.browser.visitors import Visit, Visitor
from tests.whole import WholeRun

# Real Chromium on a busy machine: generous, and no test waits this long where all is well.
TIMEOUT = 15_000  # milliseconds


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The driver; it also knows the sizes of phones (`playwright.devices`)."""
    with sync_playwright() as running:
        expect.set_options(timeout=2 * TIMEOUT)
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium. Its own sandbox is off, as it cannot start in most containers nor as root."""
    with playwright.chromium.launch(executable_path=find_browser(), chromium_sandbox=False) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    with browser.new_context() as fresh:
        fresh.set_default_timeout(TIMEOUT)
        yield fresh


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page in a fresh profile."""
    return context.new_page()


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    """The whole product, started once for the session as `make run` starts it."""
    running = WholeRun(tmp_path_factory.mktemp("whole"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def newcomer(browser: Browser, whole: WholeRun) -> Iterator[Visit]:
    """`newcomer("Ada")` opens a fresh profile; afterwards no script of its pages may have thrown anything."""
    visitors: list[Visitor] = []

    def arrive(name: str, **context: object) -> Visitor:
        visitors.append(Visitor(browser, whole.url, name, **context))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.context.close()
    assert [visitor.problems for visitor in visitors if visitor.problems] == []


@pytest.fixture
def visit(newcomer: Visit) -> Visit:
    """`visit("Ada")` opens a fresh profile of somebody who has an account."""

    def arrive(name: str, **context: object) -> Visitor:
        visitor = newcomer(name, **context)
        visitor.register()
        return visitor

    return arrive


@pytest.fixture
def ada(visit: Visit) -> Visitor:
    return visit("Ada")


@pytest.fixture
def bob(visit: Visit) -> Visitor:
    return visit("Bob")


@pytest.fixture
def chat(ada: Visitor, bob: Visitor) -> str:
    """A group of both, open on Ada's page."""
    chat = ada.group("Garden", bob)
    ada.enter(chat)
    return chat
