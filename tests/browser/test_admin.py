"""The admin's ways to the same maintenance: the command line and the page, done by the real worker."""

import secrets

from playwright.sync_api import Page, expect

from tests.whole import WholeRun


def test_an_admin_made_on_the_command_line_runs_maintenance_from_the_page(whole: WholeRun, page: Page) -> None:
    name, password = f"keeper-{secrets.token_hex(3)}", secrets.token_urlsafe(12)
    made = whole.command("admin", "create", f"{name}@example.org", name, said=password + "\n")
    assert made.returncode == 0, made.stderr
    page.goto(f"{whole.url}/admin")
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("main").get_by_role("button").last.click()
    expect(page.get_by_role("heading", name="Maintenance").first).to_be_visible()
    with page.expect_navigation():  # asked again while it is under way, Chromium refuses
        page.locator("form[action$='/maintenance/spooled-files/run'] button").click()
    row = page.get_by_role("row").filter(has_text="spooled-files").first

    def done() -> bool:
        page.reload()
        return "done" in row.inner_text().lower()

    for _ in range(50):
        if done():
            break
        page.wait_for_timeout(200)
    assert done() and name in row.inner_text()


def test_the_command_line_follows_a_task_to_its_end(whole: WholeRun) -> None:
    ran = whole.command("maintenance", "run", "expired-sessions", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "done" in ran.stdout and "expired=" in ran.stdout


def test_wrong_commands_say_what_is_wrong_and_change_nothing(whole: WholeRun) -> None:
    unknown = whole.command("maintenance", "run", "no-such-task")
    assert unknown.returncode == 1 and "expired-sessions" in unknown.stderr
    nobody = whole.command("admin", "promote", "nobody-at-all")
    assert nobody.returncode == 1 and "nobody-at-all" in nobody.stderr
    short = whole.command("admin", "create", "x@example.org", "shorty", said="short\n")
    assert short.returncode == 1 and "password" in short.stderr
    assert whole.command("admin", "promote", "shorty").returncode == 1
