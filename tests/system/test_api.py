# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface as programs use it: its OpenAPI document, CSV, caching, ranking, audit."""
import json
import re
import time

import jsonschema
import pytest

from plant import INSTITUTION, meter_id
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


def questions(path, operation):
    """The operation with what it needs, then once with each word of each of its choices."""
    for prefix, value in PATH_VALUES.items():
        if path.startswith(prefix):
            path = re.sub(r"\{\w+\}", value, path)
    queries = [p for p in operation["parameters"] if p["in"] == "query"]
    base = []
    for parameter in queries:
        if parameter["required"]:
            words = parameter["schema"].get("enum")
            value = words[0] if words else today_span()[parameter["name"]]
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
    for file in sorted((ROOT / "server").glob("api*.c")):
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
    for path, method, operation in operations(doc):
        needs_token = operation["security"] != []
        for where, query in questions(path, operation):
            text = "&".join(f"{name}={value}" for name, value in query.items())
            url = f"{filled.base}{where}?{text}"
            status, headers, body = http(method, url, token=filled.token)
            kind = headers["Content-Type"].split(";")[0]
            answer = operation["responses"].get(str(status))
            if answer is None:
                assert status == 400 and "heating" in url, (url, body)
                answer = doc["components"]["responses"]["Problem"]
            schema = answer["content"][kind]["schema"]
            if kind.endswith("json"):
                value = json.loads(body)
                validate(doc, schema, value)
                n_rows += sum(len(part) for part in value.values() if isinstance(part, list))
        status, _, body = http(method, f"{filled.base}{where}?nonsense=1")
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
                   {k: v for k, v in good.items() if k != "uscc"}):
        with pytest.raises(jsonschema.ValidationError):
            validate(doc, schema, broken)
