"""Draws the app's icons as PNG from its SVG, for what takes no SVG: `python -m tests.browser.icons`."""

import io
import sys

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import find_browser
from tests.whole import ROOT

STATIC = ROOT / "infitalks" / "static"
SMALLER = "translate(32 32) scale(0.78) translate(-32 -32)"


def draw(browser: Browser, svg: str, size: int) -> Image.Image:
    with browser.new_page(viewport={"width": size, "height": size}) as page:
        page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:{size}px}}</style>{svg}")
        return Image.open(io.BytesIO(page.screenshot(omit_background=True)))


def keep(picture: Image.Image, name: str) -> None:
    picture.quantize(64, Image.Quantize.FASTOCTREE).save(STATIC / name, optimize=True)


def main() -> int:
    svg = (STATIC / "icon.svg").read_text()
    # Whoever rounds it off by itself gets it up to the edges, the drawing well inside.
    square = svg.replace(' rx="18"', "").replace("<path", f'<path transform="{SMALLER}"')
    path = find_browser()
    with sync_playwright() as driver, driver.chromium.launch(executable_path=path, chromium_sandbox=False) as browser:
        keep(draw(browser, svg, 192), "icon-192.png")
        keep(draw(browser, svg, 512), "icon-512.png")
        keep(draw(browser, square, 512), "icon-maskable.png")
        keep(draw(browser, square, 180), "icon-touch.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
