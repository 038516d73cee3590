# SPDX-License-Identifier: Apache-2.0
"""The statistics forms: filled from bills and meters, filed, checked, from draft to locked and
corrected; sums of regions."""
import csv
import datetime
import io
import json

import jsonschema
import openpyxl
import pytest
import yaml

from plant import INSTITUTION, ZONE
from stack import http, wait_until
from test_bills import send
from test_server import plant  # noqa: F401 fixture

OTHER = "370102-0002"
YEAR = 2025
PATH = f"/api/v1/statistics/{YEAR}"


class Desk:
    """A person with a token."""

    def __init__(self, plant, name, *options):  # noqa: F811
        self.base = f"http://127.0.0.1:{plant.http_port}"
        self.token = plant.add_token(name, *options)

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, headers, answer = http(method, self.base + path, token=self.token, body=data,
                                       headers={"Content-Type": "application/json"})
        if headers["Content-Type"].endswith("json"):
            return status, json.loads(answer)
        return status, answer

    def act(self, action, reason=None, institution=INSTITUTION):
        body = {} if reason is None else {"reason": reason}
        return self.ask("POST", f"{PATH}/{institution}/{action}", body)

    def edit(self, body, institution=INSTITUTION):
        return self.ask("PATCH", f"{PATH}/{institution}", body)


def institution_file(identity, name, **more):
    return yaml.safe_dump({
        "id": identity, "name": name, "type": "government", "region": "370102",
        "department": "机关事务", "headcount": [{"from": "2020-01-01", "persons": 100}],
        "buildings": [{"id": "main", "name": "主楼", "area": [{"from": "2012-06-01", "m2": 5000}]}],
        "supply": {"electricity": "bill", "water": "bill", "natural_gas": "bill",
                   "petrol": "bill"}, **more}, allow_unicode=True).replace("'20", "20").replace("01'", "01")


def months(institution, carrier, unit, quantity, price, year, **more):
    for month in range(1, 13):
        last = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31)
        yield {"institution": institution, "carrier": carrier, "unit": unit, "quantity": quantity,
               "fee": quantity * price, "from": f"{year}-{month:02}-01",
               "to": f"{year}-{month:02}-{last}", "period": f"{year}-{month:02}", "confirm": True, **more}


@pytest.fixture
def office(plant):  # noqa: F811
    """Two institutions that live on bills, with two years of them."""
    folder = plant.folder / "registry" / "institutions"
    (folder / f"{INSTITUTION}.yaml").write_text(institution_file(INSTITUTION, "历下区档案馆"))
    (folder / f"{OTHER}.yaml").write_text(institution_file(OTHER, "历下区图书馆", type="culture"))
    plant.server.hang_up()
    plant.base = f"http://127.0.0.1:{plant.http_port}"
    plant.reporter = plant.add_token("li", "--institution", f"{INSTITUTION},{OTHER}", "--role", "reporter")
    wait_until(lambda: plant.get_quietly(f"/api/v1/institutions/{OTHER}"), 10, "the other is known")
    bills = []
    for identity, factor in ((INSTITUTION, 1), (OTHER, 3)):
        for year, change in ((YEAR - 1, 1), (YEAR, 1.1)):
            bills += months(identity, "electricity", "kWh", 1000.25 * factor * change, 1, year)
            bills += months(identity, "water", "t", 50 * factor * change, 4, year)
            bills += months(identity, "natural_gas", "m3", 200 * factor, 3, year, use="heating")
            bills += months(identity, "petrol", "升", 10, 8, year, use="vehicle")
    answer = send(plant, {"bills": bills})[1]
    assert answer["rejected"] == 0 and answer["stored"] == len(bills), answer
    plant.li = Desk(plant, "wang", "--institution", f"{INSTITUTION},{OTHER}", "--role", "reporter")
    plant.chief = Desk(plant, "chief", "--region", "370102", "--role", "reviewer")
    plant.admin = Desk(plant, "admin", "--region", "370100", "--role", "admin")
    return plant


def report_of(desk, institution=INSTITUTION, query=""):
    status, answer = desk.ask("GET", f"{PATH}/{institution}{query}")
    assert status == 200, answer
    document = json.loads(http("GET", desk.base + "/api/v1/openapi.json")[2])
    schema = {"$ref": "#/components/schemas/StatisticsReport", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)
    answer["line"] = {line["code"]: line for form in answer["forms"] for line in form["lines"]}
    return answer


def summary_of(desk, query=""):
    status, answer = desk.ask("GET", f"{PATH}?region=370102{query}")
    assert status == 200, answer
    document = json.loads(http("GET", desk.base + "/api/v1/openapi.json")[2])
    schema = {"$ref": "#/components/schemas/StatisticsSummary", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)
    return answer


def test_a_report_is_filled_by_accounting_month(office):
    line = report_of(office.li)["line"]
    assert line["101"]["text"] == "历下区档案馆" and line["105"]["text"] == "国家机关"
    assert (line["112"]["filled"], line["113"]["filled"]) == (100, 5000)
    assert line["201"]["filled"] == pytest.approx(1000.25 * 1.1 * 12) and line["201"]["value"] == 13203.3
    assert line["201"]["previous"] == 12003 and line["202"]["filled"] == 13203.3
    assert (line["211"]["value"], line["231"]["value"], line["405"]["value"]) == (660, 2400, 2400)
    assert (line["241"]["value"], line["243"]["value"]) == (120, 120)
    assert line["261"]["applies"] is False and line["261"]["value"] is None
    assert line["111"]["entered"] and line["111"]["value"] is None
    quarter = report_of(office.li, query="?quarter=2")["line"]
    assert quarter["231"]["value"] == 600
    # A bill of December that is booked in January moves from one year to the other.
    late = {"institution": INSTITUTION, "carrier": "electricity", "unit": "kWh", "quantity": 7,
            "from": "2025-12-01", "to": "2025-12-31", "period": "2026-01", "account": "second"}
    assert send(office, {"bills": [late]})[1]["stored"] == 1
    assert report_of(office.li)["line"]["201"]["value"] == 13203.3


def test_from_draft_to_locked_and_corrected(office):
    status, answer = office.chief.act("approve")
    assert status == 409 and "草稿" in answer["detail"]
    assert office.li.act("approve")[0] == 403  # not a reporter's
    assert office.chief.act("submit")[0] == 403
    status, answer = office.li.edit({"values": {"111": {"filed": 80}, "201": {"filed": "13000.5", "remark": "扣除对外供电"},
                                                "402": {"words": "集中供热"}}, "people": {"filler": "李明", "phone": "0531-1"}})
    assert status == 200 and answer["state"] == "draft"
    status, answer = office.li.act("submit")
    assert (status, answer["state"], answer["submitted_by"]) == (200, "submitted", "wang")
    assert office.li.edit({"values": {"111": {"filed": 81}}})[0] == 409
    status, answer = office.chief.act("return")
    assert status == 400 and "reason" in answer["detail"]
    assert office.chief.act("return", "编制人数请核实")[1]["state"] == "returned"
    assert office.li.edit({"values": {"111": {"filed": 82}}})[0] == 200
    assert office.li.act("submit")[0] == 200
    assert office.chief.act("approve")[1]["state"] == "approved"
    assert office.chief.act("lock")[1]["state"] == "locked"
    # What comes later moves nothing that is locked, but is seen.
    late = {"institution": INSTITUTION, "carrier": "water", "unit": "t", "quantity": 40, "from": "2025-12-01",
            "to": "2025-12-31", "period": "2025-12", "account": "second", "confirm": True}
    assert send(office, {"bills": [late]})[1]["stored"] == 1
    report = report_of(office.li)
    water, power = report["line"]["211"], report["line"]["201"]
    assert (water["value"], water["filled"], water["moved"], water["now"]) == (660, 660, True, 700)
    assert (power["filled"], power["filed"], power["value"]) == (13203.3, 13000.5, 13000.5)
    assert summary_of(office.admin, "&by=institution")["rows"][0]["values"]["211"] == 660
    assert office.li.act("restate")[0] == 400
    assert office.li.act("restate", "补计 12 月水费")[1]["version"] == 2
    assert report_of(office.li)["line"]["211"]["value"] == 700
    assert office.li.act("submit")[0] == 200 and office.chief.act("approve")[0] == 200
    assert office.chief.act("lock")[0] == 200
    history = report_of(office.li)["history"]
    assert [e["action"] for e in history] == ["edit", "submit", "return", "edit", "submit", "approve", "lock",
                                              "restate", "submit", "approve", "lock"]
    assert history[7]["values"]["211"]["filled"] == 660 and history[8]["values"]["211"]["filled"] == 700
    assert history[2]["reason"] == "编制人数请核实" and history[2]["who"] == "chief"


def test_who_submits_does_not_approve(office):
    assert office.admin.act("submit")[0] == 200
    status, answer = office.admin.act("approve")
    assert status == 403 and "不得为同一人" in answer["detail"]
    assert office.chief.act("approve")[0] == 200


def test_checks_hold_up_what_is_not_explained(office):
    bill = {"institution": INSTITUTION, "carrier": "water", "unit": "t", "quantity": 5940, "from": "2025-12-01",
            "to": "2025-12-31", "period": "2025-12", "account": "wrong", "confirm": True}
    assert send(office, {"bills": [bill]})[1]["stored"] == 1
    office.li.edit({"values": {"243": {"filed": 500}, "231": {"filed": 3000}}})
    checks = {(c["code"], c["check"]): c for c in report_of(office.li)["checks"]}
    assert set(checks) == {("211", "unit"), ("243", "part"), ("231", "change")}, checks
    assert "10 倍" in checks["211", "unit"]["text"] and "25.0%" in checks["231", "change"]["text"]
    assert office.li.act("submit")[0] == 409
    office.li.edit({"values": {"243": {"filed": None}, "231": {"remark": "新增食堂"}, "211": {"remark": "水管漏损"}}})
    assert {c["severity"] for c in report_of(office.li)["checks"]} == {"note"}
    assert office.li.act("submit")[0] == 200
    running = office.li.ask("POST", f"/api/v1/statistics/{datetime.datetime.now(ZONE).year}/{INSTITUTION}/submit", {})
    assert running[0] == 409 and "尚未结束" in running[1]["detail"]


def test_sums_are_the_sums_of_what_is_filed(office):
    office.li.edit({"values": {"201": {"filed": 1.23, "remark": "x"}}})
    whole = summary_of(office.admin)
    assert [row["key"] for row in whole["rows"]] == [{"region": "370102", "own": True}]
    rows = summary_of(office.admin, "&by=institution")["rows"]
    assert [row["key"]["institution"] for row in rows] == [INSTITUTION, OTHER]
    for by in ("type", "department", "institution", "region"):
        answer = summary_of(office.admin, f"&by={by}")
        for code, total in answer["total"]["values"].items():
            parts = [row["values"][code] for row in answer["rows"] if row["values"][code] is not None]
            assert (sum(round(p * 1e6) for p in parts) if parts else None) == \
                (round(total * 1e6) if total is not None else None), (by, code)
    assert whole["total"]["values"]["201"] == pytest.approx(1.23 + 3 * 13203.3)
    assert whole["total"]["states"]["draft"] == 2
    _, text = office.admin.ask("GET", f"{PATH}?region=370102&by=type&format=csv")
    table = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    assert [row["key"] for row in table] == ["culture", "government", ""]
    assert float(table[2]["201"]) == pytest.approx(whole["total"]["values"]["201"])


@pytest.mark.parametrize("body, words", [
    ({"values": {"999": {"filed": 1}}}, "no line '999'"), ({"values": {"201": {"filed": "many"}}}, "no number"),
    ({"values": {"201": {"remark": "因" * 167}}}, "more than 500 bytes"),
    ({"values": {"201": {"filed": "-9000000000000"}}}, "more than 10000000000"),
    ({"values": {"112": {"filed": 1.5}}}, "decimals"), ({"values": {"101": {"filed": 1}}}, "takes no 'filed'"),
    ({"vaules": {}}, "takes no 'vaules'"), ({"people": {"boss": "x"}}, "boss"), ([], "no JSON object")])
def test_nonsense_is_refused_in_words(office, body, words):
    status, answer = office.li.edit(body)
    assert status == 400 and words in answer["detail"], answer


def workbook_of(desk, path):
    status, body = desk.ask("GET", path)
    assert status == 200
    return openpyxl.load_workbook(io.BytesIO(body))


def rows_of(sheet):
    """code -> the row's values, under the sheet's headings."""
    headings = [cell.value for cell in sheet[3]]
    return {row[0]: dict(zip(headings, row)) for row in sheet.iter_rows(min_row=4, values_only=True)}


def test_a_workbook_says_what_json_says_and_is_ready_to_print(office):
    office.li.edit({"values": {"201": {"filed": "13000.5", "remark": "扣除对外供电"}, "402": {"words": "集中供热"}},
                    "people": {"filler": "李明"}})
    line = report_of(office.li)["line"]
    book = workbook_of(office.li, f"{PATH}/{INSTITUTION}?format=xlsx")
    assert book.sheetnames == ["公共机构基本信息", "公共机构能源资源消费状况", "公共机构数据中心机房能源消费状况",
                               "公共机构采暖能源资源消费状况"]
    seen = 0
    for sheet in book:
        assert sheet.page_setup.paperSize == 9 and sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.print_title_rows == "$1:$3"
        assert "第" in sheet.oddFooter.center.text and sheet.freeze_panes == "C4"
        assert sheet["B2"].value == INSTITUTION and sheet["D2"].value == str(YEAR)
        signed = sheet.cell(sheet.max_row, 1).value
        assert all(word in signed for word in ("填报人：李明", "审核人", "单位负责人", "电话", "报出日期", "盖章处"))
        for code, row in rows_of(sheet).items():
            if code not in line or line[code]["kind"] != "number":
                continue
            seen += 1
            assert row["系统填报值"] == line[code]["filled"] and row["填报口径"] == line[code]["filed"], code
            assert row["计量单位"] == line[code]["unit"] and row["上年同期"] == line[code]["previous"]
    assert seen > 30
    sums = workbook_of(office.admin, f"{PATH}?region=370102&by=institution&format=xlsx")["公共机构能源资源消费状况"]
    total = summary_of(office.admin)["total"]["values"]
    headings = [cell.value for cell in sums[3]]
    last = [cell.value for cell in sums[6]]
    assert last[0] == "合计" and headings[3] == "电消费量\n（千瓦时）" and last[3] == pytest.approx(total["201"])
    # Too wide for one page, and its headings take two lines.
    assert sums.page_setup.fitToWidth == 2 and sums.print_title_cols == "$A:$A" and sums.row_dimensions[3].height > 30


def run(plant, *command, check=True):  # noqa: F811
    return plant.stack.run(plant.stack.program("server"), *command, "-c", plant.server_config, check=check)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_what_was_exported_comes_back_filled_in(office, kind):
    office.li.edit({"values": {"201": {"filed": "13000.57", "remark": "扣除对外供电"}, "111": {"filed": 80}}})
    file = office.folder / f"report.{kind}"
    run(office, "report", "statistics", str(YEAR), "--institution", INSTITUTION, "--format", kind, "--output", file)
    same = run(office, "import", file)
    assert "1 taken, 0 lines changed" in same.stdout, same.stdout
    if kind == "xlsx":
        book = openpyxl.load_workbook(file)
        for sheet in book:
            for row in sheet.iter_rows(min_row=4):
                if row[0].value == "211":
                    row[4].value = 0.1 + 0.2
                if row[0].value == "201":
                    row[4].value = None
                if row[0].value == "402":
                    row[4].value = "集中供热"
        book.save(file)
    else:
        rows = list(csv.DictReader(file.read_text().splitlines()))
        for row in rows:
            row["filed"] = {"211": "0.30", "201": ""}.get(row["code"], row["filed"])
            row["words"] = {"402": "集中供热"}.get(row["code"], row["words"])
        with file.open("w", newline="", encoding="gb18030") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    done = run(office, "import", file)
    assert "3 lines changed" in done.stdout, done.stdout
    line = report_of(office.li)["line"]
    assert (line["211"]["filed"], line["201"]["filed"], line["402"]["text"]) == (0.3, None, "集中供热")
    assert (line["111"]["filed"], line["201"]["remark"]) == (80, "扣除对外供电")
    office.li.edit({"values": {"211": {"filed": None}}})
    assert office.li.act("submit")[0] == 200
    refused = run(office, "import", file, check=False)
    assert refused.returncode == 1 and "已提交" in refused.stderr
    for nonsense, words in ((b"PK\x03\x04rubbish", "no workbook"), (b"a,b\n1,2\n", "header")):
        bad = office.folder / ("bad.xlsx" if nonsense[:2] == b"PK" else "bad.csv")
        bad.write_bytes(nonsense)
        answer = run(office, "import", bad, check=False)
        assert answer.returncode == 1 and words in answer.stderr, answer.stderr


def test_what_comes_back_too_long_is_refused(office):
    office.li.edit({"values": {"201": {"remark": "扣除对外供电"}}})
    file = office.folder / "report.csv"
    run(office, "report", "statistics", str(YEAR), "--institution", INSTITUTION, "--output", file)
    file.write_text(file.read_text().replace("扣除对外供电", "因" * 167))
    refused = run(office, "import", file, check=False)
    assert refused.returncode == 1 and "201" in refused.stderr and "more than 500 bytes" in refused.stderr
    assert report_of(office.li)["line"]["201"]["remark"] == "扣除对外供电"


def test_reminders_and_drafts_say_what_is_to_do(office):
    assert office.li.act("submit")[0] == 200
    answer = office.admin.ask("GET", f"/api/v1/reminders/{YEAR}?region=370102")[1]
    document = json.loads(http("GET", office.base + "/api/v1/openapi.json")[2])
    jsonschema.Draft202012Validator({"$ref": "#/components/schemas/Reminders", "components": document["components"]}).validate(answer)
    (late,) = answer["reminders"]
    assert (late["institution"], late["state"], late["due"]) == (OTHER, "draft", f"{YEAR + 1}-03-31")
    assert "历下区图书馆" in late["text"] and (f"已逾期 {late['overdue_days']} 天" in late["text"] or late["overdue_days"] <= 0)
    printed = run(office, "report", "reminders", str(YEAR), "--region", "370102").stdout
    assert printed.strip() == late["text"]
    more = {"institution": OTHER, "carrier": "petrol", "unit": "L", "quantity": 60, "from": "2025-06-01", "to": "2025-06-30",
            "period": "2025-06", "account": "2", "use": "vehicle", "confirm": True}
    assert send(office, {"bills": [more]})[1]["stored"] == 1
    drafts = office.li.ask("GET", f"{PATH}/{OTHER}/changes")[1]["changes"]
    assert {draft["code"] for draft in drafts} == {"241", "243"}
    text = drafts[0]["text"]
    assert "汽油消费量比上年同期增长 50.0%（由 120 升变为 180 升）" in text and "13 张" in text, text
    assert text in run(office, "report", "changes", str(YEAR), "--institution", OTHER).stdout


def test_the_command_says_what_it_wants(office):
    for command, words in ((["statistik", "2025"], "statistics"), (["statistics"], "year"), (["statistics", "1999"], "no forms"),
                           (["changes", "2025"], "--institution"), (["statistics", "2025", "--quarter", "5"], "1 to 4"),
                           (["statistics", "2025", "--format", "xlsx"], "--output"), (["statistics", "2025", "--by", "typ"], "type"),
                           (["statistics", "2025", "--format", "text"], "has no form 'text'"),
                           (["reminders", "2025", "--format", "xlsx", "--output", "x.xlsx"], "has no form 'xlsx'")):
        done = run(office, "report", *command, check=False)
        assert done.returncode == 2 and words in done.stderr, (command, done.stderr)
    table = run(office, "report", "statistics", "2025", "--region", "3701", "--by", "type").stdout
    assert table.splitlines()[0].startswith("key,name,own,institutions,draft")
