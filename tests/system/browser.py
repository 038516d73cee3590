# SPDX-License-Identifier: Apache-2.0
"""A browser at the page of a server with a past of some weeks.

What stands in the console, what the Content-Security-Policy stops and a request to another host fail
a test by assert_clean. Screenshots are left in build/screenshots.
"""
import contextlib
import json
import shutil

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from plant import INSTITUTION, Plant, meter_id, stamp
from stack import PATIENCE, ROOT, Stack

SHOTS = ROOT / "build" / "screenshots"
SIZES = {"desktop": (1440, 900), "phone": (390, 844), "wall": (2560, 1440)}
DAYS = 40


def Wait(browser, seconds):
    """What is drawn anew between being found and being asked is asked again."""
    return WebDriverWait(browser, seconds * PATIENCE, poll_frequency=0.05,
                         ignored_exceptions=[StaleElementReferenceException])


class Page:
    """A browser at the page of a server with a past of some weeks."""

    def __init__(self, plant, size, theme, language):
        self.plant, self.size, self.base = plant, size, f"http://127.0.0.1:{plant.http_port}"
        self.name = f"{size}-{theme}-{language}"
        options = webdriver.ChromeOptions()
        for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                       "--hide-scrollbars", "--no-first-run", "--disable-background-networking"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        width, height = SIZES[size]
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"})
        self.browser.get(self.base)
        self.run("localStorage.setItem('theme', arguments[0]); localStorage.setItem('language', arguments[1])",
                 theme, language)
        self.browser.get(self.base)
        self.wait("#token")

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def find(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, selector, seconds=10):
        Wait(self.browser, seconds).until(lambda _: self.find(selector), selector)
        return self.find(selector)[0]

    def sign_in(self, token=None):
        self.wait("#token").send_keys((token or self.plant.token) + Keys.ENTER)
        self.wait(".content > :not(.waiting)")

    def show(self, address):
        self.run("location.hash = arguments[0]", address)
        wanted = address.split("?")[0]
        Wait(self.browser, 10).until(lambda _: self.run(
            "const a = document.querySelector('.sections [aria-current]');"
            "return a && a.hash.split('?')[0] === arguments[0]"
            " && !document.querySelector('.content[aria-busy], .content > .waiting')", wanted), address)
        self.settle()

    def settle(self):
        """Until every chart is drawn."""
        Wait(self.browser, 10).until(lambda _: self.run(
            "return [...document.querySelectorAll('.plot')].every((p) => p.querySelector('svg'))"), "charts")

    def shoot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.browser.save_screenshot(str(SHOTS / f"{name}-{self.name}.png"))

    def assert_clean(self):
        complaints = [entry["message"] for entry in self.browser.get_log("browser")
                      if entry["level"] in ("SEVERE", "WARNING")]
        assert not complaints, complaints
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                assert url.startswith((self.base, "data:", "blob:", "chrome:", "about:")), url


def day_before(plant, days):
    return stamp(plant.now_ms() - days * 86400 * 1000)[:10]


def write_baseline(plant):
    """A measure between the two halves of the past, with the weather of those days."""
    registry = plant.folder / "registry"
    for name in ("baselines", "weather"):
        (registry / name).mkdir()
    (registry / "baselines" / "lamps.yaml").write_text(
        f"id: lamps\nname: 照明改造\ninstitution: {INSTITUTION}\nbaseline: {{from: {day_before(plant, DAYS - 1)}, to: {day_before(plant, 20)}}}\n"
        f"reporting: {{from: {day_before(plant, 19)}}}\n"
        f"adjustments: [{{from: {day_before(plant, 12)}, to: {day_before(plant, 10)}, amount: 25, reason: 布展加班, evidence: 展览通知, by: 王工}}]\n")
    hours = [plant.now_ms() // 3600000 * 3600000 - n * 3600000 for n in range(DAYS * 24, 0, -1)]
    rows = [f"{stamp(ms).replace('%2B', '+')},{8 + n % 24 / 3:.1f}" for n, ms in enumerate(hours)]
    (registry / "weather" / "370100.csv").write_text("time,temperature_c\n" + "\n".join(rows) + "\n")


def write_goals(plant):
    """A plan with a target and a filed base, and a quota with all its levels."""
    factors = plant.folder / "factors"
    shutil.copytree(ROOT / "config" / "factors", factors)
    year = int(stamp(plant.now_ms())[:4])
    for plan in factors.glob("plan-*.yaml"):
        plan.unlink()
    (factors / "plan.yaml").write_text(
        f"id: plan\nname: 规划\nkind: plan\nsource: test\nverified: true\nbase_year: {year - 1}\ntarget_year: {year + 4}\nfrozen_year: 2023\n"
        f"targets:\n  - {{institution: {INSTITUTION}, indicator: energy_per_area_kgce, reduction: 0.05, base: 14.2}}\n")
    (factors / "quota-test.yaml").write_text(
        'id: quota-test\nname: 定额\nkind: quota\nsource: test\nverified: true\nregion: "370000"\nclasses:\n  - id: venue\n    name: 场馆\n    types: [culture]\n'
        "    quotas:\n      - {indicator: energy_per_area_kgce, limit: 18, base: 15, guide: 12}\n")


def fallen_register(plant):
    """The last quarters of a sub-meter: its register fell, and nobody has said why."""
    return "".join(f"reading,meter={meter_id('e04')} active_energy_import_kwh={3 + n} {plant.now_ms() - (4 - n) * 900000}\n"
                   for n in range(4)).encode()


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    if b"/assets/" not in (ROOT / "build" / "page" / "index.html").read_bytes():
        pytest.skip("the server was built without its page: npm or esbuild was out of reach")
    stack = Stack(tmp_path_factory.mktemp("page"))
    plant = Plant(stack, interval="15m", tsdb=False)
    stack.mosquitto()
    plant.write_campus()
    plant.write_registry()
    file = plant.folder / "registry" / "institutions" / f"{INSTITUTION}.yaml"
    file.write_text(file.read_text() + "department: 档案\nlocation: {latitude: 36.66, longitude: 117.07, datum: gcj02}\n"
                    f"accounts: [{{number: '0531', carrier: electricity, capacity_kva: 400, demand_kw: 120, meters: [{meter_id('e01')}]}}]\n")
    write_baseline(plant)
    write_goals(plant)
    plant.write_server(factors=str(plant.folder / "factors"))
    first = stamp(plant.now_ms() - DAYS * 86400 * 1000).replace("%2B", "+").split(".")[0][:10]
    history = stack.folder / "history.lp"
    done = stack.run(stack.program("sim"), "history", "-c", plant.campus, "--from", f"{first}T00:00:00+08:00",
                     "--to", "now", "--interval", "15m", text=False)
    history.write_bytes(done.stdout + fallen_register(plant))
    stack.run(stack.program("server"), "import", "-c", plant.server_config, history)
    plant.token = plant.add_token("page", "--region", "370100", "--grade", "L3")
    plant.admin = plant.add_token("admin", "--region", "370100", "--grade", "L3", "--role", "admin")
    plant.server = stack.server(plant.server_config)
    plant.wait_ready()
    yield plant
    stack.close()


@contextlib.contextmanager
def page(plant, size="desktop", theme="light", language="zh"):
    one = Page(plant, size, theme, language)
    try:
        yield one
    except Exception:
        one.shoot("failed")
        raise
    finally:
        one.browser.quit()


def set_value(one, selector, text):
    field = one.find(selector)[0]
    field.clear()
    field.send_keys(text)


def press(one, words):
    """The button with these words; by keyboard, so that what is fixed at the lower edge is not in the way."""
    def find(_):
        return one.run("return [...document.querySelectorAll('button')].find((b) => b.offsetParent && b.innerText.trim() === arguments[0])", words)
    Wait(one.browser, 10).until(find, words).send_keys(Keys.ENTER)


shutil.rmtree(SHOTS, ignore_errors=True)
