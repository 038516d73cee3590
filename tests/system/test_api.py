# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface as programs use it: its OpenAPI document, CSV, caching, ranking, audit."""
import csv
import gzip
import io
import json
import re
import time
from decimal import Decimal

import jsonschema
import pytest

from plant import INSTITUTION, meter_id, stamp
from stack import ROOT, http, wait_until
from test_server import agent, plant, reading  # noqa: F401 fixtures


@pytest.fixture
def filled(plant, agent):  # noqa: F811
    """A plant whose main meter has three readings and an event."""
    now = int(time.time() * 1000)
    agent.send(1, 1, [reading("e01", "10.5", now - 7200000), reading("e01", "11.5", now - 60000),
                      reading("e01", "12.25", now - 1000)])
    agent.ack(1, 1)
    agent.send(1, 9, [reading("e02", "1.5", now - 1000)], oldest=9)  # batches lost: an event
    agent.ack(1, 9)
    wait_until(lambda: plant.get("/api/v1/events")["events"], 10, "an event")
    wait_until(lambda: "computing" not in plant.get("/api/v1/regions/370100/kpis"), 10, "computed")
    plant.agent = agent
    plant.base = f"http://127.0.0.1:{plant.http_port}"
    return plant


def document(plant):  # noqa: F811
    status, headers, body = http("GET", f"{plant.base}/api/v1/openapi.json")
    assert status == 200 and headers["Content-Type"] == "application/json"
    return json.loads(body)


def operations(doc):
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


PATH_VALUES = {"/api/v1/regions/": "370100", "/api/v1/institutions/": INSTITUTION,
               "/api/v1/meters/": meter_id("e01")}


# What some routes need besides days.
NEEDED = {"institution": INSTITUTION}
# Routes for tokens of a higher grade than those of these tests.
FORBIDDEN = {"/api/v1/bills", "/api/v1/edits", f"/api/v1/institutions/{INSTITUTION}/reconciliation"}


def questions(path, operation):
    """The operation with what it needs, then once with each word of each of its choices."""
    path = path.replace("{year}", time.strftime("%Y")).replace("{institution}", INSTITUTION)
    for prefix, value in PATH_VALUES.items():
        if path.startswith(prefix):
            path = re.sub(r"\{\w+\}", value, path)
    queries = [p for p in operation["parameters"] if p["in"] == "query"]
    base = []
    for parameter in queries:
        if parameter["required"]:
            words = parameter["schema"].get("enum")
            value = words[0] if words else NEEDED.get(parameter["name"]) or \
                today_span()[parameter["name"]]
            base.append((parameter["name"], value))
    yield path, dict(base)
    for parameter in queries:
        for word in parameter["schema"].get("enum", []):
            yield path, dict(base, **{parameter["name"]: word})


def today_span():
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    return {"from": day, "to": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))}


def validate(doc, schema, value):
    root = {**schema, "components": doc["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


def test_the_document_knows_every_route_of_the_code(filled):
    doc = document(filled)
    routes = set()
    for file in sorted((ROOT / "server").rglob("api*.c")):
        routes |= set(re.findall(r'\{"([A-Z]+)",\s*"(/[^"]*)"', file.read_text()))
    assert len(routes) > 12
    assert routes == {(method, path) for path, method, _ in operations(doc)}
    ids = [operation["operationId"] for _, _, operation in operations(doc)]
    assert len(set(ids)) == len(ids)
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(doc)):
        where = doc
        for step in reference.split("/"):
            where = where[step]
    for schema in doc["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.sanitize
def test_every_answer_is_as_the_document_says(filled):
    doc = document(filled)
    n_rows = 0
    tokens = {"viewer": filled.token, "auditor": filled.add_token(
        "all-auditor", "--region", "370100", "--role", "auditor")}
    for path, method, operation in operations(doc):
        if method != "GET":
            continue
        needs_token = operation["security"] != []
        token = tokens[next(r for r in tokens if r in operation.get("x-roles", ["viewer"]))]
        for where, query in questions(path, operation):
            text = "&".join(f"{name}={value}" for name, value in query.items())
            url = f"{filled.base}{where}?{text}"
            status, headers, body = http(method, url, token=token)
            kind = headers["Content-Type"].split(";")[0]
            answer = operation["responses"].get(str(status))
            if answer is None:
                assert "heating" in url or (status == 403 and where in FORBIDDEN), (url, body)
                answer = doc["components"]["responses"]["Problem"]
            schema = answer["content"][kind]["schema"]
            if kind.endswith("json"):
                value = json.loads(body)
                validate(doc, schema, value)
                n_rows += sum(len(part) for part in value.values() if isinstance(part, list))
        status, _, body = http(method, f"{filled.base}{where}?nonsense=1", token=token)
        assert status == 400
        validate(doc, {"$ref": "#/components/schemas/Problem"}, json.loads(body))
        assert (http(method, url)[0] == 401) == needs_token, url
    assert n_rows > 20  # the answers were not empty


def test_a_wrong_answer_would_be_found(filled):
    doc = document(filled)
    good = filled.get(f"/api/v1/institutions/{INSTITUTION}")
    good.update(area_m2=18500, persons=312)
    schema = {"$ref": "#/components/schemas/Institution"}
    validate(doc, schema, good)
    for broken in ({**good, "more": 1}, {**good, "type": "castle"},
                   {k: v for k, v in good.items() if k != "name"}):
        with pytest.raises(jsonschema.ValidationError):
            validate(doc, schema, broken)


def ask(plant, path, **headers):  # noqa: F811
    return http("GET", plant.base + path, token=plant.token, headers=headers)


def rows_of(body):
    return list(csv.DictReader(io.StringIO(body.decode("utf-8"), newline="")))


COLUMNS = {
    "/api/v1/regions/370100": "region,name,level,parent,institutions,meters",
    "/api/v1/institutions": "institution,name,type,region,region_name,department,affiliation",
    "/api/v1/events": "id,time,kind,severity,region,institution,meter,agent,cause,text,value,"
                      "state,last,closed,count,acknowledged_by,acknowledged_at,note",
    f"/api/v1/meters/{meter_id('e01')}/readings": "meter,quantity,time,register",
    f"/api/v1/meters/{meter_id('e01')}/coverage":
        "carrier,item,building,meter,unit,start,value,estimated,coverage",
    f"/api/v1/institutions/{INSTITUTION}/energy":
        "carrier,item,building,meter,unit,start,value,estimated,coverage",
    f"/api/v1/institutions/{INSTITUTION}/kpis":
        "by,key,own,institutions,reporting,kpi,value,unit,coverage,estimated,partial,reason,"
        "previous,change,change_all,quota_grade,quota_share,target,target_used,target_projected,"
        "target_state",
}


@pytest.mark.sanitize
@pytest.mark.parametrize("path", COLUMNS)
def test_a_list_is_csv_too(filled, path):
    span = today_span()
    query = f"?from={span['from']}&to={span['to']}" if path.endswith(("energy", "coverage")) else "?"
    status, headers, body = ask(filled, f"{path}{query}&format=csv".replace("?&", "?"))
    assert status == 200 and headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert body.split(b"\r\n")[0].decode() == COLUMNS[path]
    assert body.endswith(b"\r\n") and body.count(b"\n") == body.count(b"\r\n")
    rows = rows_of(body)
    assert rows, "there are rows"
    assert all(None not in row and None not in row.values() for row in rows)
    assert ask(filled, path + query.rstrip("?"), Accept="text/csv")[2] == body
    both = ask(filled, path + query.rstrip("?"), Accept="application/json, text/csv")
    assert both[1]["Content-Type"] == "application/json"
    marked = ask(filled, f"{path}{query}&format=csv&bom=1".replace("?&", "?"))[2]
    assert marked == b"\xef\xbb\xbf" + body


def test_csv_says_what_json_says(filled):
    path = f"/api/v1/meters/{meter_id('e01')}/readings"
    listed = [(r["time"], r["register"]) for r in filled.get(path)["readings"]]
    assert [(r["time"], r["register"]) for r in rows_of(ask(filled, path + "?format=csv")[2])] == listed
    path = "/api/v1/regions/370100/kpis?by=region"
    kpis = {(row["key"]["region"], name): kpi["value"] for row in filled.get(path)["rows"]
            for name, kpi in row["kpis"].items()}
    assert kpis

    def to_micro(text):  # a quotient has more digits in JSON
        return Decimal(text).quantize(Decimal("0.000001")) if text else None
    assert {(r["key"], r["kpi"]): to_micro(r["value"]) for r in rows_of(ask(filled, path + "&format=csv")[2])} == \
        {key: to_micro(value) for key, value in kpis.items()}


def test_no_cell_is_a_formula(filled):
    file = filled.folder / "registry" / "institutions" / f"{INSTITUTION}.yaml"
    name = '=HYPERLINK("http://x.example","档案馆")'
    file.write_text(file.read_text().replace("历下区档案馆", f"'{name}'"))
    filled.server.hang_up()
    path = "/api/v1/institutions"
    wait_until(lambda: filled.get(path)["institutions"][0]["name"] == name, 10, "the new name")
    assert rows_of(ask(filled, path + "?format=csv")[2])[0]["name"] == "'" + name


def test_a_fault_is_never_csv(filled):
    status, headers, _ = ask(filled, "/api/v1/regions/379999/kpis?format=csv")
    assert status == 404 and headers["Content-Type"] == "application/problem+json"
    assert ask(filled, "/api/v1/institutions?format=xml")[0] == 400
    assert ask(filled, "/api/v1/institutions?format=csv&bom=2")[0] == 400


def test_events_of_agents_and_of_one_institution(filled):
    def ask_events(token, query=""):
        status, _, body = http("GET", f"{filled.base}/api/v1/events{query}", token=token)
        return status, [(e["kind"], e["institution"]) for e in json.loads(body).get("events", [])]

    lost = ("batches_lost", None)
    now = int(time.time() * 1000)
    filled.agent.send(1, 10, [reading("e01", "3", now - 500)])
    filled.agent.ack(1, 10)
    wait_until(lambda: any(where for _, where in ask_events(filled.token)[1]), 10, "an event of a meter")
    assert lost in ask_events(filled.token)[1]
    only = ask_events(filled.token, f"?institution={INSTITUTION}")
    assert only[0] == 200 and {where for _, where in only[1]} == {INSTITUTION}
    assert ask_events(filled.token, "?institution=370102-9999")[0] == 404
    # A reporter reaches more at its own institution; not what belongs to the region around it.
    for grade, seen in (("L1", False), ("L2", True)):
        own = filled.add_token(f"own{grade}", "--region", "370100", "--institution", INSTITUTION, "--role",
                               "reporter", "--grade", grade)
        status, events = ask_events(own)
        assert status == 200 and (lost in events) == seen and set(only[1]) <= set(events)
    alone = filled.add_token("alone", "--institution", INSTITUTION)
    assert ask_events(alone, f"?institution={INSTITUTION}") == only


@pytest.mark.parametrize("form", ["json", "csv"])
def test_pages_follow_each_other_by_link(filled, form):
    for second in range(4):
        now = int(time.time() * 1000) - 5000
        filled.agent.send(10 + second, 7, [], oldest=7, time_ms=now + second)
        filled.agent.send(10 + second, 9, [], oldest=9, time_ms=now + second)
        filled.agent.ack(10 + second, 9)
    path, seen = f"/api/v1/events?severity=info&limit=1&format={form}", []
    while path:
        status, headers, body = ask(filled, path)
        assert status == 200
        page = rows_of(body) if form == "csv" else json.loads(body)["events"]
        seen += [int(event["id"]) for event in page]
        link = headers.get("Link")
        path = re.fullmatch(r'<(.*)>; rel="next"', link).group(1) if link else None
    everything = [int(e["id"]) for e in filled.get("/api/v1/events?limit=1000")["events"]]
    assert len(everything) > 2 and seen == everything


@pytest.mark.parametrize("path", [
    "/api/v1/institutions", f"/api/v1/institutions/{INSTITUTION}", "/api/v1/regions/370100",
    "/api/v1/regions/370100/kpis?year=2025&by=region",
    f"/api/v1/institutions/{INSTITUTION}/kpis?year=2025",
    f"/api/v1/institutions/{INSTITUTION}/energy?from=2025-01-01&to=2025-02-01&interval=day",
    "/api/v1/openapi.json"])
def test_what_has_not_changed_is_not_sent_again(filled, path):
    status, headers, body = ask(filled, path)
    tag = headers["ETag"]
    assert status == 200 and re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert "Accept-Encoding" in headers["Vary"]
    for sent in (tag, f'"x", W/{tag}', "*", tag[:-1] + '-gzip"'):
        status, headers, body = ask(filled, path, **{"If-None-Match": sent})
        assert (status, body, headers["ETag"]) == (304, b"", tag), sent
    assert ask(filled, path, **{"If-None-Match": '"' + "0" * 32 + '"'})[0] == 200
    assert http("HEAD", filled.base + path, token=filled.token)[1]["ETag"] == tag


@pytest.mark.sanitize
def test_what_has_changed_is_sent_with_another_tag(filled):
    path = f"/api/v1/meters/{meter_id('e01')}/readings?format=csv"
    tag = ask(filled, path)[1]["ETag"]
    assert ask(filled, path, **{"If-None-Match": tag})[0] == 304
    filled.agent.send(2, 1, [reading("e01", "13.5", int(time.time() * 1000) - 500)])
    filled.agent.ack(2, 1)
    status, headers, body = ask(filled, path, **{"If-None-Match": tag})
    assert status == 200 and headers["ETag"] != tag and b",13.5\r\n" in body
    other = ask(filled, path.replace("csv", "json"))[1]
    assert other["ETag"] != headers["ETag"] and "Accept," in other["Vary"]
    assert ask(filled, "/api/v1/institutions/none", **{"If-None-Match": "*"})[0] == 404
    assert http("GET", filled.base + path, headers={"If-None-Match": "*"})[0] == 401


@pytest.mark.sanitize
def test_large_answers_are_packed_for_who_can_unpack(filled):
    path = f"/api/v1/institutions/{INSTITUTION}"
    _, headers, plain = ask(filled, path)
    assert "Content-Encoding" not in headers and len(plain) > 1024
    tag = headers["ETag"]
    status, headers, packed = ask(filled, path, **{"Accept-Encoding": "br, gzip"})
    assert status == 200 and headers["Content-Encoding"] == "gzip" and len(packed) < len(plain)
    assert headers["Content-Type"] == "application/json" and headers["ETag"] == tag[:-1] + '-gzip"'
    assert gzip.decompress(packed) == plain
    assert ask(filled, path, **{"Accept-Encoding": "gzip;q=0"})[2] == plain
    small = ask(filled, "/api/v1/institutions", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small[1] and len(small[2]) < 1024
    status, headers, body = ask(filled, path, **{"Accept-Encoding": "gzip", "If-None-Match": tag})
    assert (status, body) == (304, b"") and headers["ETag"] == tag[:-1] + '-gzip"'
    metrics = ask(filled, "/metrics", **{"Accept-Encoding": "gzip"})
    assert b"nenghao_" in gzip.decompress(metrics[2])


# Bills of 2025: id, type, persons, kWh; the one without kWh is withheld.
BILLED = [("370102-0011", "education", 100, 50000), ("370102-0012", "health", 50, 40000),
          ("370102-0013", "health", 200, 20000), ("370103-0014", "education", 10, 5000),
          ("370103-0015", "education", 10, None)]


def billed(plant):  # noqa: F811
    file = plant.folder / "registry" / "institutions"
    bills = "institution,carrier,from,to,quantity,unit\n"
    for number, (name, kind, persons, kwh) in enumerate(BILLED):
        (file / f"{name}.yaml").write_text(
            f'id: {name}\nname: "{number}号"\ntype: {kind}\nregion: "{name[:6]}"\n'
            f"headcount: [{{from: 2020-01-01, persons: {persons}}}]\n"
            f"supply: {{electricity: bill}}\n"
            f"buildings: [{{id: main, name: 主楼, class: A, area: [{{from: 2012-06-01, m2: 1000}}]}}]\n")
        if kwh:
            bills += f"{name},electricity,2025-01-01,2025-12-31,{kwh},kWh\n"
    (plant.folder / "bills.csv").write_text(bills)
    plant.server.hang_up()
    wait_until(lambda: len(plant.get("/api/v1/institutions")["institutions"]) == 6, 10, "all known")
    plant.stack.run(plant.stack.program("server"), "import", "bills.csv", "-c", plant.server_config)
    path = "/api/v1/regions/370100/ranking?kpi=electricity_kwh&year=2025"
    wait_until(lambda: plant.get(path)["ranked"] == "4" and "computing" not in plant.get(path), 20,
               "all are ranked")
    return plant


def test_a_ranking_puts_the_best_first(filled):
    billed(filled)
    path = "/api/v1/regions/370100/ranking?year=2025&kpi="
    answer = json.loads(ask(filled, path + "electricity_per_capita_kwh")[2])
    validate(document(filled), {"$ref": "#/components/schemas/Ranking"}, answer)
    assert [(r["position"], r["institution"], r["value"]) for r in answer["rows"]] == [
        (1, "370102-0013", 100), (2, "370102-0011", 500), (2, "370103-0014", 500),
        (4, "370102-0012", 800)]
    # The archive has meters, but no readings of 2025.
    assert (answer["best"], answer["institutions"], answer["ranked"], answer["withheld"]) \
        == ("lowest", 6, 4, 2)
    one = {r["institution"]: r["value"] for r in answer["rows"]}
    same = filled.get("/api/v1/institutions/370102-0012/kpis?year=2025")["rows"][0]["kpis"]
    assert float(same["electricity_per_capita_kwh"]["value"]) == one["370102-0012"]

    def names(query, token=filled.token, region="370100"):
        status, _, body = http("GET", f"{filled.base}/api/v1/regions/{region}/ranking?{query}", token=token)
        assert status == 200, body
        return [row["institution"][-2:] for row in json.loads(body)["rows"]]

    query = "year=2025&kpi=electricity_kwh"
    assert names(query) == ["14", "13", "12", "11"]
    assert names(query + "&limit=2") == ["14", "13"]
    assert names(query + "&type=health") == ["13", "12"]
    assert names(query, region="370103") == ["14"]
    assert names("year=2025&kpi=pv_share") == []
    rows = rows_of(ask(filled, path + "electricity_per_capita_kwh&format=csv")[2])
    assert [(r["position"], r["institution"], r["value"], r["name"]) for r in rows][0] \
        == ("1", "370102-0013", "100", "2号")
    county = filled.add_token("county", "--region", "370103")
    assert names(query, county, "370103") == ["14"]
    assert http("GET", filled.base + path + "co2_kg", token=county)[0] == 404


def test_a_ranking_needs_a_known_indicator(filled):
    path = "/api/v1/regions/370100/ranking"
    assert "'kpi' is needed" in json.loads(ask(filled, path)[2])["detail"]
    status, _, body = ask(filled, path + "?kpi=electricity_kw")
    assert status == 400 and "did you mean 'electricity_kwh'" in json.loads(body)["detail"]


def audit_lines(plant, *options):  # noqa: F811
    done = plant.stack.run(plant.stack.program("server"), "audit", "--json", *options, "-c",
                           plant.server_config)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.sanitize
def test_every_access_is_written_down(filled):
    auditor = filled.add_token("auditor", "--region", "370100", "--role", "auditor")
    county = filled.add_token("county-auditor", "--region", "370103", "--role", "auditor")
    base = filled.base + "/api/v1"

    def get(path, token=None, method="GET", body=None):
        return http(method, base + path, token=token, body=body)

    asked = [get("/institutions?q=secret-word", filled.token), get("/institutions", "x" * 43),
             get("/regions/370199", filled.token), get(f"/x/{filled.token}", filled.token),
             get("/institutions", filled.token, "POST", b"{}"), get("/events?no=1", county),
             get("/institutions", None, "POST", b"x" * 70000),
             get("/regions/37010%00", filled.token), get("/audit", filled.token)]
    statuses = [answer[0] for answer in asked]
    assert statuses == [200, 401, 404, 404, 405, 400, 413, 400, 403]
    seen = wait_until(lambda: len(lines := [e for e in audit_lines(filled)][-len(asked):])
                      == len(asked) and lines[-1]["status"] == 403 and lines, 10, "all are there")
    assert [e["status"] for e in seen] == statuses
    assert [e["token"] for e in seen] == ["test", None, "test", None, None, "county-auditor", None,
                                          None, "test"]
    assert [e["method"] for e in seen[:5]] == ["GET"] * 4 + ["POST"]
    assert seen[0]["path"] == "/api/v1/institutions" and seen[0]["peer"] == "127.0.0.1"
    assert seen[0]["bytes"] == len(asked[0][2]) and seen[3]["path"] == "/api/v1/x/***"
    assert all(e["lost"] == 0 for e in seen)
    everything = audit_lines(filled, "--since", "2000-01-01")
    ids = [e["id"] for e in everything]
    assert ids == list(range(1, len(ids) + 1))
    assert not any(e["path"].startswith(("/metrics", "/readyz")) for e in everything)

    status, _, body = get("/audit?limit=1000", auditor)
    listed = json.loads(body)["accesses"]
    assert status == 200 and [e["id"] for e in listed] == ids[::-1]
    assert {k: v for k, v in listed[-1].items()} == everything[0]
    validate(document(filled), {"$ref": "#/components/schemas/AccessList"}, json.loads(body))
    own = json.loads(get("/audit?token=county-auditor", county)[2])["accesses"]
    assert [e["path"] for e in own] == ["/api/v1/events"]
    theirs = json.loads(get("/audit", county)[2])["accesses"]
    assert {e["token"] for e in theirs} == {"county-auditor"}
    rows = rows_of(get("/audit?limit=2&format=csv&token=test", auditor)[2])
    assert [r["status"] for r in rows] == ["403", "404"]
    assert get("/audit?since=2100-01-01", auditor)[2] == b'{"accesses":[],"next":null}'

    filled.server.stop()
    files = [file for file in filled.folder.glob("audit.db*")]
    assert files and all(file.stat().st_mode & 0o077 == 0 for file in files)
    for secret in (filled.token, auditor, county, "secret-word"):
        assert not any(secret.encode() in file.read_bytes() for file in files)
    assert [e["path"] for e in audit_lines(filled)][-1] == "/api/v1/audit"


def test_the_audit_log_has_a_file_and_a_term_of_its_own(filled):
    filled.server.stop()
    filled.write_server(audit={"path": str(filled.folder / "who.db"), "retention": "30d"})
    filled.server = filled.stack.server(filled.server_config)
    filled.wait_ready()
    filled.get("/api/v1/institutions")
    wait_until(lambda: [e["path"] for e in audit_lines(filled)] == ["/api/v1/institutions"], 10,
               "it is in the new file")
    filled.write_server(audit={"path": str(filled.folder / "ledger.db")})
    done = filled.stack.run(filled.stack.program("server"), "check", "-c", filled.server_config,
                            check=False)
    assert done.returncode == 78 and "needs a file of its own" in done.stderr + done.stdout


def test_readings_that_were_due_came_and_came_late(filled):
    """Of the fixture's three readings the one of two hours ago reached the server late."""
    now = int(time.time() * 1000)
    path = f"/api/v1/meters/{meter_id('e01')}/coverage?from={stamp(now - 4 * 3600000)}&to={stamp(now)}"
    hours = json.loads(ask(filled, path)[2])["readings"]
    assert sum(hour["late"] for hour in hours) == 1
    assert 2 <= sum(hour["came"] for hour in hours) <= 3  # the last slot may not be over
    assert [hour["due"] for hour in hours[:2]] == [60, 60]
    rows = rows_of(ask(filled, path + "&of=readings&format=csv")[2])
    assert sum(int(row["late"]) for row in rows) == 1 and set(rows[0]) == {"start", "due", "came", "late"}


def test_fields_alone(filled):
    listed = filled.get("/api/v1/institutions?fields=institution,type")
    assert listed["institutions"] and all(set(i) == {"institution", "type"} for i in listed["institutions"])
    assert "next" in listed
    path = f"/api/v1/institutions/{INSTITUTION}"
    assert set(filled.get(f"{path}?fields=persons,area_m2")) == {"persons", "area_m2"}
    table = ask(filled, "/api/v1/institutions?format=csv&fields=name,institution")[2].decode()
    assert table.splitlines()[0] == "institution,name" and INSTITUTION in table
    for wrong in ("/api/v1/institutions?fields=instituton", f"{path}?fields=", "/healthz?fields=status",
                  "/api/v1/institutions?format=csv&fields=nome", f"{path}?fields={'x,' * 2000}"):
        status, _, body = ask(filled, wrong)
        assert status == 400 and json.loads(body)["detail"], wrong


SINGLE = {"Institution", "Meter", "Token"}  # one thing: JSON alone


def test_every_list_and_object_has_fields_and_every_list_csv(filled):
    for path, method, operation in operations(document(filled)):
        if method != "GET" or not operation["security"]:
            continue
        names = {p["name"] for p in operation["parameters"]}
        assert "fields" in names, path
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        assert ("format" in names) != (schema in SINGLE), path
