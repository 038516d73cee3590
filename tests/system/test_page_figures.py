# SPDX-License-Identifier: Apache-2.0
"""The figures of the page are those of the API."""
import json

import pytest
from selenium.webdriver.common.by import By

from browser import day_before, page, plant  # noqa: F401, F811 (plant is a fixture)
from plant import INSTITUTION, meter_id
from stack import http


def test_figures_are_those_of_the_api(plant):
    with page(plant) as one:
        one.sign_in()
        for address, path in ((f"#/institution/{INSTITUTION}/overview?period=month", f"/institutions/{INSTITUTION}/kpis"),
                              ("#/region/370100/overview?period=month", "/regions/370100/kpis")):
            one.show(address)
            status, _, body = http("GET", f"{one.base}/api/v1{path}?period=month", token=plant.token)
            assert status == 200
            kpis = json.loads(body)["rows"][0]["kpis"]
            cards = one.find(".kpi[data-kpi]")
            assert len(cards) >= 4
            for card in cards:
                kpi = kpis[card.get_attribute("data-kpi")]
                shown = card.find_elements(By.CSS_SELECTOR, "[data-value]")
                if kpi["value"] is None:
                    assert not shown and "数据不足，暂不评价" in card.text
                else:
                    assert float(shown[0].get_attribute("data-value")) == kpi["value"]
                    assert "数据完整率" in card.text and "估算占比" in card.text
        one.assert_clean()


def test_base_load_and_demand_are_those_of_the_api(plant):
    with page(plant) as one:
        one.sign_in()
        day = day_before(plant, 2)
        one.show(f"#/institution/{INSTITUTION}/load?day={day}")
        body = http("GET", f"{one.base}/api/v1/institutions/{INSTITUTION}/kpis?period=month&year={day[:4]}&number={int(day[5:7])}", token=plant.token)[2]
        kpis = json.loads(body)["rows"][0]["kpis"]
        shown = {node.get_attribute("data-kpi"): node for node in one.find(".stat[data-kpi]")}
        assert {"base_load_kw", "peak_demand_kw", "load_factor"} <= set(shown)
        for kpi, node in shown.items():
            value = node.find_elements(By.CSS_SELECTOR, "[data-value]")
            assert (float(value[0].get_attribute("data-value")) if value else None) == kpis[kpi]["value"], kpi
        body = http("GET", f"{one.base}/api/v1/institutions/{INSTITUTION}/operation?period=month&year={day[:4]}&number={int(day[5:7])}", token=plant.token)[2]
        (account,) = json.loads(body)["demand"]
        (shown,) = one.find("[data-account='0531']")
        assert float(shown.get_attribute("data-peak")) == account["peak_kw"]
        assert ("超过合同" if account["exceeds"] else "合同以内") in shown.text and "120 kW" in shown.text
        one.assert_clean()


def test_nobody_to_compare_with_is_said(plant):
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/overview?period=month")
        assert "没有可比的同类机构" in one.find(".content")[0].text
        one.assert_clean()


def test_targets_and_quotas_are_those_of_the_api(plant):
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/overview?period=year")

        def row_of(period):
            return json.loads(http("GET", f"{one.base}/api/v1/institutions/{INSTITUTION}/kpis?period={period}", token=plant.token)[2])["rows"][0]
        targets, quotas = row_of("year")["target_progress"], row_of("rolling12")["quota_grade"]
        shown = {node.get_attribute("data-kpi"): node for node in one.find("[data-target]")}
        assert set(shown) == set(targets) == {"energy_per_area_kgce"}
        for kpi, node in shown.items():
            progress = node.get_attribute("data-progress")
            assert node.get_attribute("data-target") == targets[kpi]["state"]
            assert (float(progress) if progress else None) == pytest.approx(targets[kpi]["progress"], abs=1e-3)
        (scale,) = [node for node in one.find(".goal") if "约束值 18" in node.text]
        assert (scale.get_attribute("data-grade") or None) == quotas["energy_per_area_kgce"]["grade"]
        one.assert_clean()


def test_savings_with_their_band(plant):
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/savings")
        (baseline,) = json.loads(http("GET", f"{one.base}/api/v1/institutions/{INSTITUTION}/savings", token=plant.token)[2])["baselines"]
        (section,) = one.find("[data-baseline]")
        value = section.find_element(By.CSS_SELECTOR, ".stat b")
        saved = baseline["savings"]
        shown = value.get_attribute("data-value")
        assert (float(shown) if shown else None) == saved["value"]
        if saved.get("band") is not None:
            assert float(value.get_attribute("data-band")) == saved["band"] and "±" in value.text
        # A year that is not whole is not certified, and the page says why.
        assert not baseline["certifiable"]
        for reason in baseline["reasons"]:
            assert reason["text_zh"] in section.text
        assert all(words in section.text for words in ("布展加班", "展览通知", "王工", "+25.00 kWh"))
        one.assert_clean()


def test_savings_of_a_region(plant):
    with page(plant) as one:
        one.sign_in()
        one.show("#/region/370100/savings")
        answer = json.loads(http("GET", f"{one.base}/api/v1/regions/370100/savings", token=plant.token)[2])
        (row,) = answer["rows"]
        (shown,) = one.find("[data-baseline]")
        assert row["measure"] in shown.text and row["name"] in shown.text
        # What is not certified is shown with its figure, and is in no sum.
        assert not row["certifiable"] and "不满足核定条件" in shown.text and "±" in shown.text
        assert answer["counted"] == 0 and f"0 / {answer['declared']} 家" in one.find(".stats")[0].text
        one.assert_clean()


def test_a_share_is_compared_by_points(plant):
    with page(plant) as one:
        one.sign_in()
        one.run("""const ask = window.fetch;
          window.fetch = async (...what) => {
            const answer = await ask(...what);
            if (!String(what[0].url || what[0]).includes('/kpis')) return answer;
            const body = await answer.clone().json();
            body.rows.forEach((row) => { row.kpis.pv_share = {value: 0.2, unit: '1', coverage: 1, estimated: 0, change: -0.5, previous: 0.4}; });
            return new Response(JSON.stringify(body), {status: answer.status, headers: answer.headers});
          };""")
        one.show("#/region/370100/overview?period=month")
        assert "−20.0 个百分点" in one.wait("li[data-kpi=pv_share]").text
        one.assert_clean()


def test_meters_show_their_registers(plant):
    with page(plant) as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/meters")
        status, _, body = http("GET", f"{one.base}/api/v1/meters/{meter_id('e01')}", token=plant.token)
        register = json.loads(body)["newest"]["register"]
        row = next(row for row in one.find("table.is-meters tbody tr") if meter_id("e01") in row.text)
        assert f"{register:,.2f}" in row.text
        row.find_element(By.CSS_SELECTOR, "button.link").click()
        one.wait("dialog tbody tr")
        one.assert_clean()
