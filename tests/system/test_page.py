# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser: every view, both languages, phone and desktop, light and dark, by any token."""
import gzip
import json
import re

import pytest
from selenium.webdriver.common.keys import Keys

from browser import Wait, page, plant  # noqa: F401, F811 (plant is a fixture)
from plant import INSTITUTION
from stack import ROOT, http

AXE = ROOT / "tools" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
FIRST_VIEW_MAX, USABLE_MS = 300 * 1000, 1000
REGION_VIEWS = ["overview", "ranking", "map", "institutions", "savings", "forms", "reminders", "events"]
INSTITUTION_VIEWS = ["overview", "load", "items", "savings", "bills", "forms", "meters", "events"]


def test_its_files_are_small_tagged_and_kept(plant):
    base = f"http://127.0.0.1:{plant.http_port}"
    status, headers, body = http("GET", base + "/", headers={"Accept-Encoding": "gzip"})
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["Content-Encoding"] == "gzip" and headers["Cache-Control"] == "no-cache"
    status, plain, _ = http("GET", base + "/", headers={"If-None-Match": headers["ETag"]})
    assert status == 304 and headers["ETag"] == plain["ETag"][:-1] + '-gzip"'
    text = gzip.decompress(body).decode()
    assert text == http("GET", base + "/")[2].decode()
    assert not re.search(r"<style|style=|<script>|https?://", text)
    total = len(body)
    for path in set(re.findall(r"/assets/[\w.-]+", text)):
        status, headers, packed = http("GET", base + path, headers={"Accept-Encoding": "gzip"})
        assert status == 200 and gzip.decompress(packed) == http("GET", base + path)[2]
        assert "immutable" in headers["Cache-Control"] or path.endswith("icon.svg")
        total += len(packed)
    assert total < FIRST_VIEW_MAX
    assert http("POST", base + "/", body=b"x")[0] == 405
    status, _, words = http("GET", base + "/%00")
    assert status == 400 and b"zero byte" in words
    assert http("GET", base + "/assets/../server.yaml")[0] == 404
    assert http("GET", base + "/map.geojson")[0] == 404
    assert json.loads(http("GET", base + "/page.json")[2]) == {"title": None, "map": None}


FIRST_FIGURES = """addEventListener('DOMContentLoaded', () => new MutationObserver((_, observer) => {
  if (!document.querySelector('.kpi')) return;
  window.usableAt = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true}));"""


def test_usable_within_a_second(plant):
    """From the address to the region's figures, with a token in the tab; the best of some, as the machine may be busy."""
    with page(plant) as one:
        assert one.run("return performance.getEntriesByType('navigation')[0].loadEventEnd") < USABLE_MS
        one.sign_in()
        one.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": FIRST_FIGURES})
        times = []
        while len(times) < 8 and min(times, default=USABLE_MS) >= USABLE_MS:
            one.browser.get(one.base)
            one.wait(".kpi")
            times.append(one.run("return window.usableAt"))
        assert min(times) < USABLE_MS, times
        one.assert_clean()


def judge(one, where, found):
    """What axe finds wrong with what is on the screen; nothing where npm was out of reach."""
    if not AXE.exists():
        return
    if not one.run("return 'axe' in window"):
        one.run(AXE.read_text(encoding="utf-8"))
    result = one.browser.execute_async_script(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']}).then(arguments[0])")
    for violation in result["violations"]:
        found[f"{where}: {violation['id']}"] = [node["html"][:160] for node in violation["nodes"][:3]]


def judge_dialog(one, view, found):
    button = {"bills": ".bill-form .more", "meters": "table.is-meters button.link"}.get(view)
    if button is None:
        return
    one.find(button)[0].send_keys(Keys.ENTER)
    one.wait("dialog[open]")
    judge(one, f"{view} dialog", found)
    one.run("document.querySelectorAll('dialog').forEach((d) => d.close())")


@pytest.mark.parametrize("size, theme, language", [("desktop", "light", "zh"), ("desktop", "dark", "en"),
                                                   ("phone", "light", "en"), ("phone", "dark", "zh"), ("wall", "dark", "zh")])
def test_every_view(plant, size, theme, language):
    """By the admin, who has the most controls; on a desk also judged by axe."""
    found = {}
    with page(plant, size, theme, language) as one:
        one.shoot("sign-in")
        judge(one, "sign-in", found)
        one.sign_in(plant.admin)
        for kind, id_, views in (("region", "370100", REGION_VIEWS), ("institution", INSTITUTION, INSTITUTION_VIEWS)):
            for view in views:
                one.show(f"#/{kind}/{id_}/{view}")
                assert one.find(".content *") and not one.find(".content .notice"), view
                wide = one.run("return document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, f"{view} is {wide} px wider than the screen"
                one.shoot(f"{kind}-{view}")
                if size == "desktop":
                    judge(one, f"{kind}-{view}", found)
                    judge_dialog(one, view, found)
        one.assert_clean()
    assert not found, json.dumps(found, indent=1, ensure_ascii=False)


def test_by_keyboard_alone(plant):
    with page(plant) as one:
        one.browser.switch_to.active_element.send_keys(plant.token + Keys.ENTER)
        one.wait(".kpi")
        one.find(".search input")[0].send_keys("档案")
        one.wait(".found [data-href]")
        one.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN + Keys.ENTER)
        one.wait(f".sections a[href*='{INSTITUTION}']")
        one.find(".search input")[0].send_keys("历下区")
        one.wait(".found [data-href*='/region/370102/']")
        one.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        link = one.wait(".sections a[href$='/meters']")
        link.send_keys(Keys.ENTER)
        one.wait("table.is-meters")
        one.assert_clean()


@pytest.mark.parametrize("scope", [["--institution", INSTITUTION], ["--region", "370100", "--department", "档案"]])
def test_narrow_tokens_have_every_view(plant, scope):
    token = plant.add_token(f"narrow{len(scope)}", *scope)
    with page(plant) as one:
        one.sign_in(token)
        assert len(one.find(".tree > li")) == 1
        for view in [view for view in INSTITUTION_VIEWS if view != "bills"]:  # fees are not for its grade
            one.show(f"#/institution/{INSTITUTION}/{view}")
            assert one.find(".content *") and not one.find(".content .notice"), view
        assert len(one.find(".crumbs a")) == (2 if "--region" in scope else 0)
        one.assert_clean()


def test_an_open_token_sees_sums_alone(plant):
    token = plant.add_token("open", "--region", "370100", "--grade", "L1")
    with page(plant) as one:
        one.sign_in(token)
        one.show("#/region/370100/overview")
        assert [link.get_attribute("href").split("/")[-1].split("?")[0] for link in one.find(".sections a")] == ["overview", "institutions"]
        words = one.find(".content")[0].text
        assert "不予公开" in words and "数据不足" not in words and "0.0%" not in words
        one.run(f"location.hash = '#/institution/{INSTITUTION}/overview'")
        Wait(one.browser, 10).until(lambda _: one.find(".notice") and "令牌级别" in one.find(".notice")[0].text)
        one.assert_clean()


def test_a_spoilt_address_leads_to_the_start(plant):
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/overview")
        one.run("location.hash = '#/region/%/overview'")
        Wait(one.browser, 10).until(lambda _: "#/region/370100/overview" in one.browser.current_url)
        one.show("#/region/370100/overview")
        one.assert_clean()


def test_what_is_not_there_stands_alone(plant):
    """Nothing of the institution shown before stays around the refusal."""
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/overview")
        name = one.wait("h1").text
        one.run("location.hash = '#/institution/NOBODY-1/overview'")
        Wait(one.browser, 10).until(lambda _: "不存在" in one.wait("#main").text)
        assert name not in one.wait("#main").text and name not in one.browser.title
        assert not one.find(".sections a")
        # And the way back is open.
        one.run(f"location.hash = '#/institution/{INSTITUTION}/overview'")
        Wait(one.browser, 10).until(lambda _: one.wait("h1").text == name)


def test_a_wrong_token_is_told_so(plant):
    with page(plant) as one:
        field = one.wait("#token")
        field.send_keys("short" + Keys.ENTER)
        assert "43" in one.find("#sign-problem")[0].text
        field.clear()
        field.send_keys("x" * 43 + Keys.ENTER)
        Wait(one.browser, 5).until(lambda _: "无效" in one.find("#sign-problem")[0].text)
        assert one.run("return sessionStorage.getItem('token')") is None


def test_the_operators_map(plant):
    geo = plant.folder / "map.geojson"
    geo.write_text(json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "历下区"},
                   "geometry": {"type": "Polygon", "coordinates": [[[117.0, 36.6], [117.2, 36.6], [117.1, 36.7], [117.0, 36.6]]]}}]}))
    before = plant.server_config.read_text()
    try:
        plant.write_server(page={"map_file": str(geo)}, factors=str(plant.folder / "factors"))
        done = plant.stack.run(plant.stack.program("server"), "check", "-c", plant.server_config, check=False)
        assert done.returncode == 78 and "审图号" in done.stderr + done.stdout
        plant.write_server(page={"map_file": str(geo), "map_approval": "鲁SG(2026)001号", "map_datum": "gcj02"}, factors=str(plant.folder / "factors"))
        plant.server.stop()
        plant.server.start()
        plant.wait_ready()
        with page(plant) as one:
            one.sign_in()
            one.show("#/region/370100/map")
            assert one.find(".boundary") and one.find(".point")
            frame, outline = one.find(".map")[0].rect, one.find(".boundary")[0].rect
            assert frame["x"] <= outline["x"] and outline["x"] + outline["width"] <= frame["x"] + frame["width"]
            assert "鲁SG(2026)001号" in one.find(".map-note")[0].text
            one.shoot("map-of-the-operator")
            one.assert_clean()
    finally:
        plant.server_config.write_text(before)
        plant.server.stop()
        plant.server.start()
        plant.wait_ready()
