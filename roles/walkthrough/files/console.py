# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in to MinIO's console with a browser without a screen, and says what the page then shows.

In: JSON with url, user, password, and where to keep a screenshot. Out: JSON with the page's title, address and text.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 60


def browser() -> webdriver.Chrome:
    driver = shutil.which("chromedriver")
    if driver is None:
        raise SystemExit("chromedriver is not there; install Debian's chromium and chromium-driver on the controller")
    options = Options()
    # Chromium's own sandbox does not start as root.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,800"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service(driver))


def log_in(page: webdriver.Chrome, url: str, user: str, password: str, wanted: str) -> dict[str, Any]:
    wait = WebDriverWait(page, SECONDS)
    page.get(url)
    wait.until(lambda driver: driver.find_elements(By.ID, "accessKey"))
    login = page.current_url
    page.find_element(By.ID, "accessKey").send_keys(user)
    page.find_element(By.ID, "secretKey").send_keys(password)
    page.find_element(By.ID, "do-login").click()
    wait.until(lambda driver: wanted in driver.find_element(By.TAG_NAME, "body").text)
    # The licence is shown to whoever logs in for the first time.
    for button in page.find_elements(By.XPATH, "//button[contains(., 'Acknowledge')]"):
        button.click()
        wait.until(lambda driver: "Acknowledge" not in driver.find_element(By.TAG_NAME, "body").text)
    text = page.find_element(By.TAG_NAME, "body").text
    return {"login": login, "url": page.current_url, "title": page.title, "text": text}


def main() -> None:
    asked = json.load(sys.stdin)
    page = browser()
    try:
        found = log_in(page, asked["url"], asked["user"], asked["password"], asked["wanted"])
        if asked.get("screenshot"):
            Path(asked["screenshot"]).write_bytes(page.get_screenshot_as_png())
    finally:
        page.quit()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
