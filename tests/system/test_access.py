# SPDX-License-Identifier: Apache-2.0
"""Who may see and write what: grants x routes x objects.

The routes come from the OpenAPI document of the running server, so a new route is tried at once. What
should be allowed is worked out here anew from the grants, not asked of the server.
"""
import http.client
import itertools
import json
import re
import sqlite3
import statistics
import time
import urllib.parse

import pytest

from plant import Plant
from stack import wait_until

# id -> region, department, sensitive
WORLD = {"370102-0001": ("370102", "教育", False), "370102-0002": ("370102", "卫生", False),
         "370102-0003": ("370102", "教育", True), "370103-0001": ("370103", "教育", False),
         "370103-0002": ("370103", "档案", False)}
MISSING = {"region": "370199", "institution": "370102-9999", "meter": "370102-9999-e01"}
REGIONS = ["370100", "370102", "370103"]
SCOPES = [{"region": ["370100"]}, {"region": ["370102"]}, {"region": ["370103"]},
          {"region": ["370100"], "department": ["教育"]}, {"institution": ["370102-0001"]},
          {"institution": ["370102-0003"]},
          {"region": ["370103"], "department": ["档案"], "institution": ["370102-0002", "370102-0001"]}]
ROLES = ["viewer", "reporter", "reviewer", "admin", "auditor", "upstream"]
GRADES = [1, 2, 4]


class Grant:
    def __init__(self, scope, role, grade):
        self.scope, self.role, self.grade = scope, role, grade

    def covers_region(self, code):
        return any(code == top or code.startswith(top.rstrip("0")) for top in self.scope.get("region", []))

    def covers(self, institution):
        region, department, sensitive = WORLD[institution]
        if institution in self.scope.get("institution", []):
            return True
        departments = self.scope.get("department")
        return (self.covers_region(region) and (not departments or department in departments)
                and (not sensitive or self.grade >= 4))

    def has_role(self, operation):
        return self.role in operation["x-roles"]

    def reach(self, kind=None, name=None):
        """The grade; a reporter reaches L3 at what is named, in a list at the best of its rows."""
        named = self.scope.get("institution", [])
        own = (kind is None and named) or (kind in ("institution", "meter") and name[:11] in named)
        return max(self.grade, 3) if self.role == "reporter" and own else self.grade

    def sees(self, kind, name):
        if kind == "region":
            return name in REGIONS and self.covers_region(name)
        institution = name[:11]
        return institution in WORLD and self.covers(institution)

    def __repr__(self):
        return f"{self.scope} {self.role} L{self.grade}"


class Client:
    """One connection for all questions."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, path, token, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def write_world(plant):
    folder = plant.folder / "registry" / "institutions"
    folder.mkdir(parents=True)
    for number, (name, (region, department, sensitive)) in enumerate(WORLD.items()):
        (folder / f"{name}.yaml").write_text(
            f'id: {name}\nname: "{name}号馆"\ntype: culture\nregion: "{region}"\n'
            f"department: {department}\nsensitive: {str(sensitive).lower()}\n"
            f"headcount: [{{from: 2020-01-01, persons: {100 + number}}}]\n"
            f"supply: {{natural_gas: bill}}\n"
            f"buildings: [{{id: main, name: 主楼, class: A, area: [{{from: 2012-06-01, m2: 1000}}]}}]\n"
            f"meters:\n  - {{id: {name}-e01, building: main, carrier: electricity, item: '01000', "
            f"role: main, quantity: active_energy_import_kwh, "
            f"lives: [{{serial: '1', from: 2023-01-01, ratio: 1}}]}}\n")


@pytest.fixture
def plant(stack):
    plant = Plant(stack, tsdb=False)
    stack.mosquitto()
    write_world(plant)
    plant.write_server()
    bills = "institution,carrier,from,to,quantity,unit\n"
    for name in WORLD:
        bills += f"{name},natural_gas,2025-01-01,2025-12-31,1000,m3\n"
    (plant.folder / "bills.csv").write_text(bills)
    plant.token = plant.add_token("test", "--region", "370100", "--grade", "L4")
    stack.run(stack.program("server"), "import", "bills.csv", "-c", plant.server_config)
    plant.server = stack.server(plant.server_config)
    plant.wait_hears()
    path = "/api/v1/regions/370100/kpis?year=2025"
    wait_until(lambda: "computing" not in plant.get(path), 20, "computed")
    return plant


def kind_of(path, name):
    """What a {part} of a path or a parameter names: a region, an institution, a meter or nothing."""
    before = path.split("{" + name + "}")[0].rstrip("/").split("/")[-1]
    if name in ("code", "region"):
        return "region"
    if name == "institution" or (name == "id" and before == "institutions"):
        return "institution"
    if name == "meter" or (name == "id" and before == "meters"):
        return "meter"
    return None


def names_object(path):
    return any(kind_of(path, part) for part in re.findall(r"{(\w+)}", path))


def objects(kind):
    return {"region": REGIONS, "institution": list(WORLD),
            "meter": [f"{name}-e01" for name in WORLD]}[kind]


FILLINGS = {"year": "2025", "from": "2025-01-01", "to": "2025-02-01", "quarter": "1"}


def needed_query(operation):
    query = []
    for parameter in operation["parameters"]:
        if parameter["in"] == "query" and parameter["required"]:
            words = parameter["schema"].get("enum")
            query.append((parameter["name"], words[0] if words else FILLINGS.get(parameter["name"], "1")))
    return query


def questions(path, operation):
    """(kind or None, object, path with query) for each object that the route can be asked about."""
    parts = re.findall(r"\{(\w+)\}", path)
    kinds = {part: kind_of(path, part) for part in parts}
    query = needed_query(operation)
    named = [part for part in parts if kinds[part]]

    def build(values, more=()):
        text = re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1)) or FILLINGS.get(m.group(1), "x"), path)
        asked = {**dict(query), **dict(more)}
        return text + ("?" + urllib.parse.urlencode(asked) if asked else "")

    assert len(named) <= 1, path
    if named:
        kind = kinds[named[0]]
        for name in objects(kind) + [MISSING[kind]]:
            yield kind, name, build({named[0]: name})
        if "by" in [p["name"] for p in operation["parameters"]]:
            parameter = next(p for p in operation["parameters"] if p["name"] == "by")
            for name, word in itertools.product(objects(kind), parameter["schema"]["enum"]):
                yield kind, name, build({named[0]: name}, [("by", word)])
    elif not any(kind_of("", name) for name, _ in query):
        yield None, None, build({})
    for parameter in operation["parameters"]:
        kind = parameter["in"] == "query" and kind_of("", parameter["name"])
        if kind and not named:
            for name in objects(kind) + [MISSING[kind]]:
                yield kind, name, build({}, [(parameter["name"], name)])


def bodies(operation):
    if "requestBody" not in operation:
        return [None]
    return [json.dumps(body) for name in WORLD for body in ({"institution": name}, [{"institution": name}])]


def operations(client, token):
    document = json.loads(client.ask("GET", "/api/v1/openapi.json", token)[1])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["security"]:
                operation["path"] = path
                yield path, method.upper(), operation


def count_rows(plant):
    """How many rows each table has, of what is kept about the world."""
    with sqlite3.connect(plant.folder / "ledger.db") as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
                if not name.startswith(("token", "event", "sqlite"))}


def judge(grant, operation, question, answer, missing):
    """Is this answer what the grant deserves? missing: the answer about what does not exist."""
    kind, name, path = question
    status, body = answer
    if not grant.has_role(operation):
        assert status == 403, (grant, path, body)
        return
    needed = max(operation["x-grade"], 2 if "/ranking" in path else 1)
    if not names_object(operation["path"]) and grant.reach() < needed:
        assert status == 403 and b"of grade L" in body, (grant, path, body)
        return
    if kind and not grant.sees(kind, name):
        assert status == 404, (grant, path, status, body)
        assert body.replace(name.encode(), b"#") == missing[kind], (grant, path, body)
        return
    rows_are_judged = kind == "region" and not names_object(operation["path"])
    if not rows_are_judged and grant.reach(kind, name) < needed:
        assert status == 403 and b"of grade L" in body, (grant, path, body)
        return
    assert status not in (401, 403), (grant, path, body)
    if status >= 300 or path.startswith("/api/v1/audit"):
        return  # the log holds what was asked for, whether it exists or not
    text = body.decode()
    for other in WORLD:
        assert grant.covers(other) or other not in text, (grant, path, other)


def add_tokens(plant):
    tokens = []
    for number, (scope, role, grade) in enumerate(itertools.product(SCOPES, ROLES, GRADES)):
        options = [word for key, values in scope.items() for word in (f"--{key}", ",".join(values))]
        token = plant.add_token(f"t{number}", *options, "--role", role, "--grade", f"L{grade}")
        tokens.append((Grant(scope, role, grade), token))
    return tokens


def test_no_token_sees_or_writes_outside_of_its_scope(plant):
    client = Client(plant.http_port)
    table = list(operations(client, plant.token))
    tokens = add_tokens(plant)
    assert len(table) > 8
    before = count_rows(plant)
    n = 0
    for (grant, token), (path, method, operation) in itertools.product(tokens, table):
        asked = list(questions(path, operation))
        missing = {}
        for kind, name, where in asked:
            if kind and name == MISSING[kind] and grant.has_role(operation):
                status, body = client.ask(method, where, token, bodies(operation)[0])
                if status == 403 and not names_object(path):
                    continue  # the list itself is of a higher grade
                assert status == 404, (grant, where, status, body)
                missing[kind] = body.replace(name.encode(), b"#")
        for question in asked:
            kind, name, where = question
            if method == "GET":
                judge(grant, operation, question, client.ask(method, where, token), missing)
                n += 1
                continue
            if grant.has_role(operation) and (not kind or grant.sees(kind, name)):
                continue  # what is allowed is for the tests of that route
            for body in bodies(operation):
                judge(grant, operation, question, client.ask(method, where, token, body), missing)
                n += 1
    assert n > 5000
    assert count_rows(plant) == before


def test_bodies_reach_no_further_than_paths(plant):
    """A route that takes institutions in its body: of those outside nothing is kept."""
    client = Client(plant.http_port)
    outside = "370103-0001"
    for path, method, operation in operations(client, plant.token):
        if method == "GET" or "{" in path:
            continue
        for role in operation["x-roles"]:
            token = plant.add_token(f"b{path.split('/')[-1]}{role}", "--region", "370102", "--role", role,
                                    "--grade", "L3")
            before = count_rows(plant)
            bill = {"institution": outside, "carrier": "natural_gas", "from": "2024-01-01",
                    "to": "2024-01-31", "quantity": 1, "unit": "m3"}
            for body in ({"institution": outside}, [bill], {"rows": [bill]}, {"bills": [bill]}):
                client.ask(method, path, token, json.dumps(body))
            assert count_rows(plant) == before, (path, role)


def test_lists_have_what_is_covered_and_only_that(plant):
    client = Client(plant.http_port)
    for number, scope in enumerate(SCOPES):
        for grade in (2, 4):
            grant = Grant(scope, "viewer", grade)
            options = [word for key, values in scope.items() for word in (f"--{key}", ",".join(values))]
            token = plant.add_token(f"l{number}{grade}", *options, "--grade", f"L{grade}")
            listed = json.loads(client.ask("GET", "/api/v1/institutions", token)[1])["institutions"]
            assert [row["institution"] for row in listed] == [i for i in WORLD if grant.covers(i)], grant
            path = "/api/v1/regions/370100/kpis?year=2025"
            status, body = client.ask("GET", path, token)
            covered = sum(grant.covers(i) for i in WORLD)
            if grant.covers_region("370100"):
                assert json.loads(body)["rows"][0]["institutions"] == covered, grant
            else:
                assert status == 404


def test_what_is_denied_takes_as_long_as_what_is_missing(plant):
    client = Client(plant.http_port)
    token = plant.add_token("narrow", "--region", "370103")

    def took(name):
        start = time.perf_counter()
        assert client.ask("GET", f"/api/v1/institutions/{name}", token)[0] == 404
        return time.perf_counter() - start

    took(MISSING["institution"])
    times = {"370102-0001": [], "370102-0003": [], MISSING["institution"]: []}
    for _ in range(300):  # by turns, so that whatever else runs hits all alike
        for name, list_of in times.items():
            list_of.append(took(name))
    medians = [statistics.median(list_of) for list_of in times.values()]
    assert max(medians) < 1.3 * min(medians), medians


def test_a_token_ends_at_its_hour_and_when_it_is_revoked(plant):
    client = Client(plant.http_port)
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    token = plant.add_token("short", "--region", "370100", "--expires", ends)
    assert client.ask("GET", "/api/v1/institutions", token)[0] == 200
    wait_until(lambda: client.ask("GET", "/api/v1/institutions", token)[0] == 401, 6, "it has ended")
    token = plant.add_token("revoked", "--institution", "370102-0001,370102-0002")
    assert client.ask("GET", "/api/v1/institutions/370102-0002", token)[0] == 200
    plant.stack.run(plant.stack.program("server"), "token", "revoke", "revoked", "-c", plant.server_config)
    assert client.ask("GET", "/api/v1/institutions/370102-0002", token)[0] == 401
    listed = json.loads(plant.stack.run(plant.stack.program("server"), "token", "list", "--json", "-c",
                                        plant.server_config).stdout)
    states = {entry["name"]: entry["state"] for entry in listed}
    assert states["short"] == "expired" and states["revoked"] == "revoked"


@pytest.mark.parametrize("options, words", [
    (["--region", "379999"], "no region '379999'"), (["--department", "教育"], "it narrows regions"),
    (["--region", "370100", "--department", "渔业"], "no department '渔业'"),
    (["--institution", "370102-0001,nobody"], "no institution 'nobody'"), ([], "--region CODE or"),
    (["--region", "370100,"], "no region ''"),
    (["--region", "370100", "--expires", "soon"], "such as 2027-01-01"),
    (["--region", "370100", "--expires", "2020-01-01"], "has come already"),
    (["--region", "370100", "--grade", "L5"], "L1, L2, L3 or L4"),
    (["--region", "370100", "--role", "king"], "no role 'king'"),
    (["--region", ",".join(["370100"] * 17)], "16 scopes")])
def test_a_bad_grant_is_named(plant, options, words):
    done = plant.stack.run(plant.stack.program("server"), "token", "add", "x", *options, "-c",
                           plant.server_config, check=False)
    assert done.returncode == 2 and words in done.stderr
