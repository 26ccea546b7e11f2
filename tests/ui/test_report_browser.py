"""The page of `lrsync report` in a real browser, headless, in both themes and at three widths."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lrsync.app.report  # noqa: F401 - the stub of the app has no modules of its own
from tests.ui.conftest import Cli
from tests.year import Year, changed_original, failed, make_year

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="there is no chromium with its chromedriver here"
)
EVIL = "<img src=x onerror=alert(1)>\u202egpj.exe\n\udcff.nef"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(cli: Cli, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """The address of a page, and `status --json` of the same library."""
    manifest, target = tmp_path / "year.sqlite", tmp_path / "page.html"
    findings = (changed_original(EVIL), *(failed(f"{i}/locked.jpg") for i in range(2000)))
    make_year(manifest, Year(time.time_ns(), files=300, findings=findings))
    from lrsync.adapters.status_query import read_status

    cli.app.read_status = lambda config: read_status(manifest)  # type: ignore[attr-defined]
    assert cli("report", "--manifest", str(manifest), "--html", str(target)).code == 0
    return target.as_uri(), json.loads(cli("status", "--manifest", str(manifest), "--json").out)


def look(browser: Any, address: str, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(address)


def requested(browser: Any) -> set[str]:
    """What the browser asked for since it was last asked."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


def test_it_fits_in_both_themes_and_asks_for_nothing(browser: Any, page: tuple[str, dict[str, Any]]) -> None:
    address, _ = page
    grounds = set()
    for width in (380, 900, 1600):
        for scheme in ("light", "dark"):
            look(browser, address, width, scheme)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            grounds.add(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    assert browser.get_log("browser") == []
    assert {url for url in requested(browser) if not url.startswith("data:")} == {address}
    small = browser.execute_script(
        "return [...document.querySelectorAll('body *')].filter(e => e.children.length === 0 && e.textContent.trim()"
        " && e.closest('style,title') === null && parseFloat(getComputedStyle(e).fontSize) < 8).length"
    )
    assert small == 0


def test_it_says_what_status_says(browser: Any, page: tuple[str, dict[str, Any]]) -> None:
    address, status = page
    look(browser, address, 900, "light")
    assert browser.execute_script("return document.getElementById('state').textContent") == status["state"]
    for key in ("files", "bytes", "safe"):
        shown = browser.execute_script("return document.querySelector(`#${arguments[0]} data`).value", key)
        assert int(shown) == status[key]
    rows = browser.execute_script(
        "return [...document.querySelectorAll('section[aria-labelledby=types] tbody tr')]"
        ".map(r => [r.querySelector('bdi').textContent, r.querySelector('td').textContent])"
    )
    assert {name: int(files.replace(",", "")) for name, files in rows} == {
        name: tally["files"] for name, tally in status["by_type"].items()
    }
    commands = browser.execute_script("return [...document.querySelectorAll('.steps code')].map(c => c.textContent)")
    assert commands == [step["command"] for task in status["decisions"] for step in task["commands"]]
    assert browser.execute_script("return document.querySelectorAll('img, script').length") == 0


def test_it_works_with_the_keyboard(browser: Any, page: tuple[str, dict[str, Any]]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    address, _ = page
    look(browser, address, 900, "light")
    ActionChains(browser).send_keys(Keys.TAB).perform()
    assert browser.execute_script("return document.activeElement.className").startswith("skip")
    met = set()
    for _ in range(20):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        met.add(browser.execute_script("return document.activeElement.tagName"))
        if browser.execute_script("return document.activeElement.tagName") == "SUMMARY":
            break
    assert "SUMMARY" in met
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.execute_script("return document.activeElement.parentElement.open")
    hidden = "return document.activeElement.parentElement.querySelectorAll('li').length"
    assert browser.execute_script(hidden) > 100
