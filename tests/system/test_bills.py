# SPDX-License-Identifier: Apache-2.0
"""Bills by HTTP: entered as JSON or as a table, judged, corrected, taken back; who may."""
import csv
import io
import json

import jsonschema
import pytest

from plant import INSTITUTION
from stack import http, wait_until
from test_server import plant  # noqa: F401 fixture

BILLS = "/api/v1/bills"


@pytest.fixture
def office(plant):  # noqa: F811
    """A plant with tokens: a reporter of the institution, one of another county, a reader."""
    plant.base = f"http://127.0.0.1:{plant.http_port}"
    file = plant.folder / "registry" / "institutions" / f"{INSTITUTION}.yaml"
    file.write_text(file.read_text() + "supply: {natural_gas: bill, heat: area_billed}\n")
    plant.server.hang_up()
    plant.reporter = plant.add_token("reporter", "--institution", INSTITUTION, "--role", "reporter")
    plant.stranger = plant.add_token("stranger", "--region", "370103", "--role", "reporter",
                                    "--grade", "L3")
    wait_until(lambda: plant.get(f"/api/v1/institutions/{INSTITUTION}")["supply"].get("natural_gas")
               == "bill", 10, "the supply is known")
    return plant


def send(office, body, query="", token=None, kind="application/json", path=BILLS):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = http("POST", office.base + path + query, token=token or office.reporter,
                             body=data, headers={"Content-Type": kind})
    return status, json.loads(answer)


def listed(office, query=""):
    status, _, answer = http("GET", f"{office.base}{BILLS}?institution={INSTITUTION}{query}",
                             token=office.reporter)
    assert status == 200, answer
    document = json.loads(http("GET", office.base + "/api/v1/openapi.json")[2])
    schema = {"$ref": "#/components/schemas/BillList", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(answer))
    return json.loads(answer)["bills"]


def gas(month, quantity, last=28, **more):
    return {"institution": INSTITUTION, "carrier": "natural_gas", "from": f"{month}-01",
            "to": f"{month}-{last}", "quantity": quantity, "unit": "m3", **more}


def test_bills_are_entered_once_and_doubts_wait(office):
    bills = [gas("2025-02", 3100, fee="9300.50", period="2025-03", key="a-1"),
             gas("2026-02", 310), gas("2026-03", 1, unit="kWh"), {"institution": "nobody", "carrier": "water"}]
    status, answer = send(office, {"bills": bills}, "?dry_run=true")
    assert status == 200 and answer["dry_run"] and listed(office) == []
    status, answer = send(office, {"bills": bills})
    assert [v["outcome"] for v in answer["verdicts"]] == ["stored", "unconfirmed", "rejected", "rejected"]
    assert answer["verdicts"][1]["warning"] == "times_10"
    assert "小数点" in answer["verdicts"][1]["warning_text"]
    assert "does not measure" in answer["verdicts"][2]["reason"]
    assert (answer["stored"], answer["unconfirmed"], answer["rejected"]) == (1, 1, 2)
    again = send(office, {"bills": bills[:1]})[1]["verdicts"][0]
    assert again["outcome"] == "unchanged" and again["id"] == answer["verdicts"][0]["id"]
    meant = send(office, {"bills": [dict(bills[1], confirm=True)]})[1]["verdicts"][0]
    assert meant["outcome"] == "stored" and meant["warning"] == "times_10"
    one, two = listed(office)
    assert (one["quantity"], one["fee"], one["period"]) == (3100, 9300.5, "2025-03")
    assert (two["period"], two["entered_by"], two["confirmed"]) == ("2026-02", "reporter", True)
    energy = f"/api/v1/institutions/{INSTITUTION}/energy?from=2026-02-01&to=2026-03-01&interval=month"
    wait_until(lambda: any(p["value"] == "310" for s in office.get(energy)["series"]
                           for p in s["points"]), 10, "the bill is in the figures")


def test_a_correction_keeps_what_was(office):
    first = send(office, {"bills": [gas("2026-02", 3100)]})[1]["verdicts"][0]["id"]
    fixed = send(office, {"bills": [gas("2026-02", 3101)]})[1]["verdicts"][0]
    assert fixed["outcome"] == "corrected"
    back = {"institution": INSTITUTION, "carrier": "natural_gas", "quantity": -100, "unit": "m3",
            "adjusts": fixed["id"], "period": "2026-04", "note": "多计退补"}
    assert send(office, {"bills": [back]})[1]["stored"] == 1
    assert [b["quantity"] for b in listed(office)] == [3101, -100]
    old = [b for b in listed(office, "&withdrawn=1") if b["withdrawn"]]
    assert [(b["id"], b["quantity"]) for b in old] == [(first, 3100)]
    for number in (f"{fixed['id']}x", f"+{fixed['id']}", f"{fixed['id']}.0", "9" * 30):
        assert send(office, {"reason": "重复录入"}, path=f"{BILLS}/{number}/withdraw")[0] == 404, number
    path = f"{BILLS}/{fixed['id']}/withdraw"
    assert send(office, {}, path=path)[0] == 400
    status, answer = send(office, {"reason": "重复录入"}, path=path)
    assert status == 409 and "withdraw them first" in answer["detail"]
    adjusting = listed(office)[1]["id"]
    for number in (adjusting, fixed["id"]):
        assert send(office, {"reason": "重复录入"}, path=f"{BILLS}/{number}/withdraw")[0] == 200
    assert listed(office) == []
    gone = [b for b in listed(office, "&withdrawn=1") if b["id"] == adjusting][0]
    assert (gone["withdrawn_by"], gone["withdrawn_why"]) == ("reporter", "重复录入")


def test_pages_follow_one_another(office):
    assert send(office, {"bills": [gas(f"2026-{month:02}", 3100) for month in (1, 2, 3)]})[1]["stored"] == 3
    seen, cursor = [], ""
    while cursor is not None and len(seen) < 9:
        answer = json.loads(http("GET", f"{office.base}{BILLS}?institution={INSTITUTION}&limit=2{cursor}",
                                 token=office.reporter)[2])
        seen += [bill["from"] for bill in answer["bills"]]
        cursor = answer["next"] and f"&cursor={answer['next']}"
    assert seen == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert listed(office, f"&cursor={2 ** 63 - 1}") == []


def test_a_table_goes_in_and_the_list_comes_back_as_one(office):
    table = ("机构\t能源\t起始日\t截止日\t数量\t单位\t费用\t账期\r\n"
             f"历下区档案馆\t天然气\t2026/2/1\t2026/2/28\t1,200\t立方米\t3,600\t2026-03\r\n"
             f"{INSTITUTION}\t热力\t2025/11/15\t2026/3/15\t\t\t52000\t\r\n")
    for kind, body in (("text/tab-separated-values", table.encode()), ("text/csv", table.encode("gb18030"))):
        status, answer = send(office, body, kind=kind)
        assert status == 200 and answer["rejected"] == 0, answer
    assert answer["unchanged"] == 2
    status, headers, body = http("GET", f"{office.base}{BILLS}?institution={INSTITUTION}&format=csv",
                                 token=office.reporter)
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    assert [(r["carrier"], r["quantity"], r["fee"]) for r in rows] == \
        [("heat", "", "52000"), ("natural_gas", "1200", "3600")]
    assert send(office, body, kind="text/csv")[1]["unchanged"] == 2


def test_only_those_enter_whose_work_it_is(office):
    body = {"bills": [gas("2026-02", 3100)]}
    assert send(office, body, token=office.token)[0] == 403
    assert http("POST", office.base + BILLS, body=b"{}")[0] == 401
    verdict = send(office, body, token=office.stranger)[1]["verdicts"][0]
    nobody = send(office, {"bills": [dict(body["bills"][0], institution="nobody")]})[1]["verdicts"][0]
    assert verdict["reason"] == nobody["reason"].replace("nobody", INSTITUTION)
    number = send(office, body)[1]["verdicts"][0]["id"]
    path = f"{BILLS}/{number}/withdraw"
    assert send(office, {"reason": "x"}, path=path, token=office.stranger)[0] == 404
    assert http("GET", f"{office.base}{BILLS}?institution={INSTITUTION}", token=office.stranger)[0] == 404
    low = office.add_token("low", "--region", "370100", "--grade", "L2")
    assert http("GET", f"{office.base}{BILLS}?institution={INSTITUTION}", token=low)[0] == 403


@pytest.mark.parametrize("body, words", [
    (b"", "empty"), (b"{", "no JSON"), (b"{}", "must be"), (b'{"bills": [1]}', "not an object"),
    (b'{"bills": [{"quantety": 1}]}', "quantity"), (b'{"bills": {}}', "must be")])
def test_nonsense_is_refused_in_words(office, body, words):
    status, answer = send(office, body)
    assert status == 400 and words in answer["detail"]
