"""What Lighthouse says of the sign-in page and of a chat, on phone and desktop: `python -m benchmarks.lighthouse`.

Starts a product of its own with a filled chat; Lighthouse itself is no dependency: its program is found on PATH, or
named by LIGHTHOUSE. Prints the median of RUNS runs of each, and what was found wrong.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.browser.chromium import find_browser
from tests.browser.screenshots import talk
from tests.whole import WholeRun

RUNS = 3
TRIES = 3  # on a busy machine Lighthouse loses its own trace now and then
CATEGORIES = ("performance", "accessibility", "best-practices")
MEASURES = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")
SIZES: dict[str, tuple[str, ...]] = {"phone": (), "desktop": ("--preset=desktop",)}


def examine(url: str, cookie: str, options: tuple[str, ...]) -> dict[str, Any]:
    """Lighthouse's report of one visit in a fresh profile; `cookie` is who comes, or nobody."""
    headers = ("--extra-headers", json.dumps({"Cookie": cookie})) if cookie else ()
    program = os.environ.get("LIGHTHOUSE", "lighthouse")
    flags = ("--quiet", "--output=json", "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage")
    only = f"--only-categories={','.join(CATEGORIES)}"
    with tempfile.NamedTemporaryFile(suffix=".json") as kept:
        command = (program, url, *flags, only, *options, *headers, f"--output-path={kept.name}")
        for _ in range(TRIES):
            done = subprocess.run(command, env={**os.environ, "CHROME_PATH": find_browser()}, check=False, timeout=300)
            if done.returncode == 0:
                break
        report: dict[str, Any] = json.loads(kept.read())
    return report


def faults(report: dict[str, Any]) -> set[str]:
    """The audits that take from a score, but for the timings, which the figures show."""
    weighed = {
        audit["id"] for name in CATEGORIES[1:] for audit in report["categories"][name]["auditRefs"] if audit["weight"]
    }
    audits = report["audits"]
    return {f"{name}: {audits[name]['title']}" for name in weighed if audits[name]["score"] not in (None, 1)}


def show(name: str, reports: list[dict[str, Any]]) -> None:
    scores = [f"{each} {median(r['categories'][each]['score'] for r in reports):.2f}" for each in CATEGORIES]
    times = [f"{each} {median(r['audits'][each]['numericValue'] for r in reports):.3g}" for each in MEASURES]
    print(f"{name}: {', '.join(scores)} ({', '.join(times)})", flush=True)
    for fault in sorted(set().union(*map(faults, reports))):
        print(f"    {fault}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = WholeRun(Path(folder))
        try:
            with playwright.chromium.launch(executable_path=find_browser(), chromium_sandbox=False) as browser:
                host = talk(browser, run.url, Path(folder))
                chat = urlsplit(host.page.url).path
                cookie = "; ".join(f"{each['name']}={each['value']}" for each in host.context.cookies())
            for page, path, who in (("chat", chat, cookie), ("sign-in", "/login", "")):
                for size, options in SIZES.items():
                    reports = [examine(run.url + path, who, options) for _ in range(RUNS)]
                    show(f"{page}, {size}", reports)
                    if folder_to_keep := os.environ.get("REPORTS"):
                        Path(folder_to_keep).mkdir(parents=True, exist_ok=True)
                        Path(folder_to_keep, f"{page}-{size}.json").write_text(json.dumps(reports[-1]))
        finally:
            run.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
