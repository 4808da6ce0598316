"""Pictures of the page for the documentation.  usage: dashboard/screenshots URL [FOLDER]"""

import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

# name: address, width, height, theme, pixels per CSS pixel
PICTURES = {
    "dashboard-light": ("/", 1440, 1180, "light", 1),
    "dashboard-dark": ("/", 1440, 1180, "dark", 1),
    "dashboard-quality": ("/?view=quality", 1440, 860, "light", 1),
    "dashboard-pipeline": ("/?view=pipeline", 1440, 760, "dark", 1),
    "dashboard-phone": ("/", 360, 780, "light", 2),
}


def main():
    url, folder = sys.argv[1].rstrip("/"), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        for name, (address, width, height, theme, scale) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, device_scale_factor=scale)
            page = context.new_page()
            page.goto(url + address)
            page.wait_for_selector("[data-test=freshness][data-connection=live]")
            page.wait_for_timeout(3000)
            page.screenshot(path=folder / f"{name}.png")
            context.close()
            print(folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
