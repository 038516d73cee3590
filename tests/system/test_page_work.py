# SPDX-License-Identifier: Apache-2.0
"""What officers do at the page: bills, reports, reminders, corrections, alarms."""
import base64
import json
import re

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import SHOTS, Wait, page, plant, press, set_value  # noqa: F401, F811 (plant is a fixture)
from plant import INSTITUTION, meter_id, stamp
from stack import http


def test_an_event_is_acknowledged(plant):
    token = plant.add_token("electrician", "--region", "370100", "--role", "reviewer")

    def event():
        events = json.loads(http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/events?region=370100&state=open", token=token)[2])["events"]
        return next((one for one in events if one["kind"] == "unexplained_drop"), None)
    with page(plant, "phone") as one:
        one.sign_in(token)
        Wait(one.browser, 20).until(lambda _: event())
        one.show("#/region/370100/events?state=open")
        row = one.wait(f"[data-event='{event()['id']}']")
        assert "表底数异常下降" in row.text and meter_id("e04") in row.text
        press(one, "签收")
        one.wait("dialog textarea").send_keys("周一电工到场")
        one.find("dialog [type=submit]")[0].click()
        Wait(one.browser, 10).until(lambda _: event()["acknowledged"])
        assert event()["acknowledged"]["note"] == "周一电工到场" and event()["acknowledged"]["by"] == "electrician"
        Wait(one.browser, 10).until(lambda _: one.find(".event-ack"))
        one.assert_clean()


def test_a_bill_is_entered_on_a_phone(plant):
    """What looks wrong is said while it is typed, stored once it is confirmed, and taken back with a reason."""
    token = plant.add_token("reporter", "--institution", INSTITUTION, "--role", "reporter")
    base = f"http://127.0.0.1:{plant.http_port}/api/v1/bills"

    def bills(withdrawn=0):
        return json.loads(http("GET", f"{base}?institution={INSTITUTION}&withdrawn={withdrawn}", token=token)[2])["bills"]
    year, month = int(stamp(plant.now_ms())[:4]), 1
    before = {"institution": INSTITUTION, "carrier": "natural_gas", "from": f"{year - 2}-01-01", "to": f"{year - 2}-01-31",
              "quantity": 745, "unit": "m3", "fee": 2868.25, "use": "kitchen"}
    assert http("POST", base, json.dumps({"bills": [before]}).encode(), token, headers={"Content-Type": "application/json"})[0] == 200
    with page(plant, "phone") as one:
        one.sign_in(token)
        one.show(f"#/institution/{INSTITUTION}/bills")
        one.run("const s = document.querySelector('.bill-form select'); s.value = 'natural_gas'; s.dispatchEvent(new Event('change', {bubbles: true}))")
        for _ in range(12):
            if one.find(".bill-month .stepper span")[0].text == f"{year - 1}年{month}月":
                break
            one.run("document.querySelectorAll('.bill-month button')[1].click()")
        set_value(one, ".bill-form .field-row input", "7450")
        one.wait(".bill-verdict .is-warn")
        assert "10 倍" in one.find(".bill-verdict")[0].text and len(bills()) == 1
        one.shoot("bill-doubted")
        one.find(".bill-form form > .actions button")[0].send_keys(Keys.ENTER)
        one.wait(".bill-verdict .actions button").send_keys(Keys.ENTER)
        one.wait(".bill-done .is-good")
        (stored,) = [bill for bill in bills() if bill["from"] == f"{year - 1}-01-01"]
        assert stored["quantity"] == 7450 and stored["use"] == "kitchen" and stored["confirmed"]
        one.run("const s = document.querySelector('.card-head select'); if (s) { s.value = arguments[0]; s.dispatchEvent(new Event('change')) }",
                str(year - 1))
        one.run(f"document.querySelector('[data-bill=\"{stored['id']}\"] .link').click()")
        one.wait("dialog .actions button:last-child").click()
        one.wait("dialog textarea").send_keys("录错了")
        one.find("dialog [type=submit]")[0].click()
        Wait(one.browser, 10).until(lambda _: len(bills()) == 1)
        assert [bill["withdrawn_why"] for bill in bills(1) if bill["withdrawn"]] == ["录错了"]
        one.wait(".check input")
        one.assert_clean()


def test_bills_are_pasted_from_a_spreadsheet(plant):
    token = plant.add_token("paster", "--institution", INSTITUTION, "--role", "reporter")
    with page(plant) as one:
        one.sign_in(token)
        one.show(f"#/institution/{INSTITUTION}/bills")
        one.find(".bill-form .more")[0].click()
        one.wait("dialog textarea").send_keys("汽油,2025-03-01,2025-03-31,120,升,980\n柴油,2025-03-01,2025-03-31,x,升,9")
        one.find("dialog .actions button")[0].click()
        one.wait("dialog tbody tr")
        assert [chip.text for chip in one.find("dialog .chip")] == ["可录入", "不能录入"]
        assert "不是数字" in one.find("dialog tbody")[0].text
        one.find("dialog .actions .is-main")[0].click()
        one.wait("dialog .is-good")
        status, _, body = http("GET", f"{one.base}/api/v1/bills?institution={INSTITUTION}&carrier=petrol", token=token)
        assert status == 200 and [bill["quantity"] for bill in json.loads(body)["bills"]] == [120]
        one.assert_clean()


def report_of(plant, year, token):
    status, _, body = http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/statistics/{year}/{INSTITUTION}", token=token)
    assert status == 200
    return json.loads(body)


def wait_state(one, plant, year, token, state):
    Wait(one.browser, 10).until(lambda _: report_of(plant, year, token)["state"] == state, state)


def test_a_report_from_draft_to_locked(plant):
    """Filed by one, sent back and approved by another one, never by who submitted it."""
    year = int(stamp(plant.now_ms())[:4]) - 1
    reporter = plant.add_token("filler", "--region", "370100", "--role", "admin")
    reviewer = plant.add_token("checker", "--region", "370100", "--role", "reviewer")
    address = f"#/institution/{INSTITUTION}/forms?ryear={year}"
    with page(plant) as one:
        one.sign_in(reporter)
        one.show(address)
        lines = {check["code"] for check in report_of(plant, year, reporter)["checks"] if check["severity"] == "error"}
        assert lines and not one.find(".report-actions button")[0].is_enabled()
        for code in lines:
            one.find(f"[data-code='{code}'] .is-number")[0].send_keys("1,234.5")
            one.find(f"[data-code='{code}'] .remark input")[0].send_keys("按账单填报")
        # What is typed survives a look at another view.
        one.show(f"#/institution/{INSTITUTION}/meters")
        one.show(address)
        press(one, "保存")
        Wait(one.browser, 10).until(lambda _: not one.find(".save-bar:not([hidden])"))
        shown = {row.get_attribute("data-code"): row for row in one.find("tr[data-code]")}
        for form in report_of(plant, year, reporter)["forms"]:
            for line in form["lines"]:
                if line["kind"] == "number" and line["value"] is not None:
                    assert float(shown[line["code"]].find_element(By.CSS_SELECTOR, "[data-value]").get_attribute("data-value")) == line["value"]
                if line["code"] in lines:
                    assert line["filed"] == 1234.5 and line["remark"] == "按账单填报"
        press(one, "提交")
        wait_state(one, plant, year, reporter, "submitted")
        one.wait("#why-not")
        assert "不得为同一人" in one.find("#why-not")[0].text
        one.shoot("report-submitted")
        one.assert_clean()
    with page(plant) as one:
        one.sign_in(reviewer)
        one.show(address)
        assert not one.find(".is-cell")
        press(one, "退回")
        one.wait("dialog textarea").send_keys("请核实用水量")
        one.find("dialog [type=submit]")[0].click()
        wait_state(one, plant, year, reviewer, "returned")
        assert http("POST", f"{one.base}/api/v1/statistics/{year}/{INSTITUTION}/submit", b"{}", reporter)[0] == 200
        one.show(f"#/institution/{INSTITUTION}/overview")
        one.show(address)
        press(one, "审核通过")
        wait_state(one, plant, year, reviewer, "approved")
        press(one, "锁定")
        wait_state(one, plant, year, reviewer, "locked")
        assert "请核实用水量" in one.find(".report")[0].text
        one.assert_clean()


def test_forms_on_paper(plant):
    """A sheet each, with head and foot, nothing of the screen's controls."""
    year = int(stamp(plant.now_ms())[:4]) - 1
    with page(plant, theme="dark") as one:
        one.sign_in()
        one.show(f"#/institution/{INSTITUTION}/forms?ryear={year}")
        n = len(one.find(".form-sheet"))
        one.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert len([foot for foot in one.find(".print-foot") if "审核人" in foot.text and "公章" in foot.text]) == n
        assert not any(node.is_displayed() for node in one.find("button, .sections, .side, .report-head"))
        paper = base64.b64decode(one.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == n
        SHOTS.mkdir(parents=True, exist_ok=True)
        (SHOTS / "forms.pdf").write_bytes(paper)
        one.assert_clean()


def test_reminders_are_copied(plant):
    year = int(stamp(plant.now_ms())[:4])
    with page(plant, language="en") as one:
        one.sign_in()
        one.show(f"#/region/370100/reminders?ryear={year}")
        body = http("GET", f"{one.base}/api/v1/reminders/{year}?region=370100", token=plant.token)[2]
        texts = [one_["text"] for one_ in json.loads(body)["reminders"]]
        assert texts and [node.text for node in one.find(".reminder-text")] == texts
        press(one, "Copy")
        Wait(one.browser, 5).until(lambda _: [b for b in one.find("button") if b.text == "Copied"])
        one.assert_clean()


def test_a_reading_is_corrected_and_taken_back(plant):
    token = plant.add_token("corrector", "--institution", INSTITUTION, "--role", "reporter")

    def edits():
        return json.loads(http("GET", f"http://127.0.0.1:{plant.http_port}/api/v1/edits?meter={meter_id('w01')}", token=token)[2])["edits"]
    with page(plant, "phone") as one:
        one.sign_in(token)
        one.show(f"#/institution/{INSTITUTION}/meters")
        row = next(row for row in one.find("table.is-meters tbody tr") if meter_id("w01") in row.text)
        row.find_element(By.CSS_SELECTOR, "button.link").send_keys(Keys.ENTER)
        assert "剔除" in one.wait("dialog tbody tr").text
        one.find("dialog tbody button")[1].send_keys(Keys.ENTER)
        one.wait("#reason").send_keys("读数有误")
        one.find("dialog [type=submit]")[-1].send_keys(Keys.ENTER)
        Wait(one.browser, 10).until(lambda _: [edit["kind"] for edit in edits()] == ["void"])
        one.wait("[data-edit] .link").send_keys(Keys.ENTER)
        one.wait("#reason").send_keys("核实无误")
        one.find("dialog [type=submit]")[-1].send_keys(Keys.ENTER)
        Wait(one.browser, 10).until(lambda _: [edit["kind"] for edit in edits()] == ["revoke", "void"])
        Wait(one.browser, 10).until(lambda _: one.find("[data-edit] .is-silent"))
        one.assert_clean()
