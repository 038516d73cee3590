# SPDX-License-Identifier: Apache-2.0
"""Nonsense for every parameter and body of every route, made from the served OpenAPI document."""
import http.client
import json
import re
import time

import pytest

from test_access import WORLD, needed_query, operations, plant  # noqa: F401 fixture

INSTITUTION = list(WORLD)[0]
OBJECTS = {"code": "370100", "institution": INSTITUTION, "meter": f"{INSTITUTION}-e01", "year": "2025",
           "quarter": "1", "bill": "1", "event": "1", "edit": "1"}
# What is no text at all: bytes outside of UTF-8, overlong, half of a surrogate pair, zero, control characters.
NO_TEXT = ["%ff", "%fe%ff", "%c0%af", "%e0%80%af", "%ed%a0%80", "%f5%80%80%80", "x%00y", "%0d%0aX-Evil:%201", "%1b[31m"]
NO_NUMBER = ["abc", "-1", "1.5", "1e3", "0x10", "%201", "1%20", "+1", "NaN", "9" * 25, "9" * 5000, "%EF%BC%91%EF%BC%92"]
NO_TIME = ["abc", "2026-13-01", "2026-02-30", "2026-01-01T25:00:00Z", "2026-01-01 10:00", "1764000000", "9" * 5000,
           "2026-01-01T10:00:00", "0000-00-00", "-2026-01-01", "2026-01-01T10:00:00%20%2B08:00x"]
NO_WORD = ["nonsense", "%F0%9F%92%A9", "9" * 5000, "'%20OR%201=1--", "%7B%7D"]
WORDS = ["'%20OR%201=1--", "%F0%9F%92%A9", "9" * 5000, "..%2F..%2Fetc", "%25s%25n", "<script>", "a" * 63, "*"]


class Asker:
    """One connection, made anew where the server ends it; collects what is wrong with the answers."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.faults, self.n = [], 0
        self.connect()

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, kind="application/json"):
        self.n += 1
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = kind
        while True:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.status != 429:
                return answer.status, answer.getheader("Content-Type"), content
            time.sleep(int(answer.getheader("Retry-After")))

    def refused(self, method, path, name=None, statuses=(400,), body=None):
        """It must be refused as a problem, whose words hold the name."""
        status, kind, answer = self.ask(method, path, body)
        try:
            problem = json.loads(answer.decode("utf-8")) if kind == "application/problem+json" else {}
        except UnicodeDecodeError:
            problem = {"detail": "not UTF-8"}
        good = status in statuses and problem.get("status") == status and problem["detail"] and \
            problem["detail"].isprintable() and (name is None or name in problem["detail"])
        if not good:
            self.faults.append(f"{method} {path[:160]} {(body or b'')[:40]!r}: {status} {answer[:160]!r}")


@pytest.fixture
def asker(plant):  # noqa: F811
    asker = Asker(plant.http_port, plant.add_token("all", "--region", "370100", "--role", "admin", "--grade", "L4"))
    others = {role: plant.add_token(role, "--region", "370100", "--role", role, "--grade", "L4")
              for role in ("reporter", "reviewer", "auditor", "upstream")}
    asker.table = list(operations(asker_of_document(asker), asker.token))
    asker.tokens = {"admin": asker.token, **others}
    return asker


def asker_of_document(asker):
    class Plain:
        def ask(self, method, path, _token):
            status, _, body = asker.ask(method, path)
            return status, body
    return Plain()


def each_operation(asker):
    """(method, path with everything that the route needs, its query, the operation)"""
    for path, method, operation in asker.table:
        role = next(r for r in ("admin", "reporter", "reviewer", "auditor", "upstream") if r in operation["x-roles"])
        asker.token = asker.tokens[role]
        meters = path.startswith("/api/v1/meters/")
        objects = {**OBJECTS, "id": OBJECTS["meter" if meters else "institution"]}
        where = re.sub(r"{(\w+)}", lambda m: objects[m.group(1)], path)
        query = {name: INSTITUTION if name == "institution" else value for name, value in needed_query(operation)}
        yield method, where, query, operation


def build(where, query, **more):
    return where + "?" + "&".join(f"{name}={value}" for name, value in {**query, **more}.items())


def values_for(schema):
    """(bad values, statuses): of a text that anything may be, what is outside of the scope is not there."""
    if schema["type"] == "integer":
        outside = [schema["minimum"] - 1] if "minimum" in schema else []
        outside += [schema["maximum"] + 1] if schema.get("maximum", 1 << 63) < 1 << 62 else []
        return NO_NUMBER + [str(n) for n in outside]
    if "enum" in schema:
        return NO_WORD + [word.upper() for word in schema["enum"] if word.upper() != word]
    return NO_TIME if "date" in json.dumps(schema) else []


def test_every_parameter_refuses_what_it_cannot_be(asker):
    for method, where, query, operation in each_operation(asker):
        for parameter in (p for p in operation["parameters"] if p["in"] == "query"):
            name = parameter["name"]
            for value in NO_TEXT + [""] + values_for(parameter["schema"]):
                zero = "%00" in value  # not told apart: the library ends the request line there
                asker.refused(method, build(where, query, **{name: value}), None if zero else name)
            for value in WORDS:
                status, kind, answer = asker.ask(method, build(where, query, **{name: value}))
                if status >= 500 or (status >= 400 and kind != "application/problem+json"):
                    asker.faults.append(f"{method} {where} {name}={value}: {status} {answer[:100]}")
            twice = build(where, {**query, name: query.get(name, "1")}) + f"&{name}=1"
            asker.refused(method, twice, name)
            asker.refused(method, build(where, query, **{name + "x": "1"}), name)
        asker.refused(method, build(where, query, nonsense="1"), "nonsense")
        asker.refused(method, build(where, query, **{"%ff": "1"}))
        for parameter in operation["parameters"]:
            if parameter.get("required") and parameter["in"] == "query":
                asker.refused(method, build(where, {k: v for k, v in query.items() if k != parameter["name"]}),
                              parameter["name"])
    assert asker.n > 3000
    assert not asker.faults, "\n".join([f"{len(asker.faults)} of {asker.n}"] + asker.faults[:60])


def test_every_part_of_a_path_may_be_nonsense(asker):
    for path, method, operation in asker.table:
        for part in re.findall(r"{(\w+)}", path):
            for value in NO_TEXT[:7] + WORDS + NO_NUMBER[:5] + ["9" * 25, "0", "99999", "."]:
                where = re.sub(r"{(\w+)}", lambda m: value if m.group(1) == part else
                               OBJECTS.get(m.group(1), INSTITUTION), path)
                query = dict(needed_query(operation))
                role = next(r for r in asker.tokens if r in operation["x-roles"])
                asker.token = asker.tokens[role]
                asker.refused(method, build(where, query), None, (400, 404, 405, 414))
    assert asker.n > 300
    assert not asker.faults, "\n".join(asker.faults[:60])


def test_a_span_begins_before_it_ends(asker):
    n = 0
    for method, where, query, operation in each_operation(asker):
        names = {p["name"] for p in operation["parameters"]}
        if {"from", "to"} <= names:
            n += 1
            asker.refused(method, build(where, query, **{"from": "2026-02-01", "to": "2026-01-01"}), "from")
            asker.refused(method, build(where, query, **{"from": "2026-02-01", "to": "2026-02-01"}), "from")
    assert n >= 4
    assert not asker.faults, "\n".join(asker.faults)


def test_periods_that_do_not_exist_are_named(asker):
    for where in ("/api/v1/regions/370100/kpis", f"/api/v1/institutions/{INSTITUTION}/kpis",
                  "/api/v1/regions/370100/peers", f"/api/v1/institutions/{INSTITUTION}/operation"):
        for period, number in (("month", 13), ("month", 99), ("quarter", 5), ("half", 3), ("year", 2)):
            asker.refused("GET", f"{where}?year=2025&period={period}&number={number}", "number")
        asker.refused("GET", f"{where}?year=2099", "year")
        asker.refused("GET", f"{where}?year=1999", "year")
    assert not asker.faults, "\n".join(asker.faults)


DEEP = 1000
BODIES = [b"", b"nul", b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b'{"a":' * 100000, b"\xff\xfe",
          b'{"\xc0\xaf": 1}', b'"text"', b"1", b"null", b'{"a": 1e999}', b'{"a": ' + b"9" * 5000 + b"}",
          b'{"a": 1, "a": 2}', b'{"nonsense": 1}', b"[{}]", b"[[]]", b'{"bills": {}}', b'{"values": []}', b'{"kind": 7}',
          b'{"reason": {}}', b'{"a": "\\u0000"}', b"{}" * 100, b"x" * 100000]


def test_every_body_may_be_nonsense(asker):
    for method, where, query, operation in each_operation(asker):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            continue
        for body in BODIES:
            if body == b"[{}]" and where == "/api/v1/bills":
                continue  # a list of bills: each has its own verdict
            asker.refused(method, build(where, query), None, (400, 404, 409, 413, 422), body)
    assert asker.n > 50
    assert not asker.faults, "\n".join(asker.faults[:60])


def test_a_query_of_a_megabyte_is_refused_at_every_route(plant, asker):  # noqa: F811
    for method, where, query, operation in each_operation(asker):
        try:
            status, _, _ = asker.ask(method, build(where, query, nonsense="x" * 1000000))
            assert status in (400, 413, 414, 431), (method, where, status)
        except (ConnectionError, http.client.HTTPException):
            pass  # it is ended while it is being sent
        asker.connect()
    assert asker.ask("GET", "/api/v1/token")[0] == 200
