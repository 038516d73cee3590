# SPDX-License-Identifier: Apache-2.0
"""Two lower servers for the same institutions: the second is refused, and everybody is told why."""
import json

from stack import wait_until
from test_federation import LAST_YEAR, Level, changes, levels, wait_same


def open_events(level):
    return level.get("/api/v1/events?kind=two_lower_servers&state=open")["events"]


def is_refused(level, *words):
    status, _, body = level.ask("/readyz")
    text = body.decode()
    return status == 200 and all(word in text for word in words)


def start_rival(stack, above, region, name, token=None):
    """With a broker of its own, as its region is served elsewhere."""
    stack.mosquitto()
    rival = Level(stack, region, above, name)
    if token:
        (rival.folder / "upstream.token").write_text(token + "\n")
    rival.token = rival.add_token("test", "--region", region, "--grade", "L3")
    rival.add(7, 2)
    return rival.start()


def test_the_second_server_is_refused_and_named(stack):
    province, city = levels(stack, "370000", "370100")
    name = city.add(1, 12)
    for level in province, city:
        level.start()
    wait_until(city.is_computed, 60, "computed")
    wait_same(province, city, "370100", [name])
    before = changes(province, province.token)[1]
    token = (city.folder / "upstream.token").read_text().strip()

    # A copied config: the same token, another ledger; and a server for a part of the region.
    copy = start_rival(stack, province, "370100", "copy", token)
    part = start_rival(stack, province, "370102", "part")
    rivals = {copy: "from-370100", part: "from-part"}
    for rival in rivals:
        wait_until(lambda: is_refused(rival, "answers 403", "370100", "from-370100", str(city.folder / "ledger.db")),
                   60, "the rival says why")
        assert "nenghao_upstream_held_by_another 1" in rival.ask("/metrics")[2].decode()
        assert "nenghao_upstream_up 0" in rival.ask("/metrics")[2].decode()
        told = rival.command("status").stdout
        assert "TWO SERVERS" in told and str(city.folder / "ledger.db") in told
        assert len(open_events(rival)) == 1
    wait_until(lambda: len(open_events(province)) == 2, 60, "two events")
    events = {event["cause"].split("/")[0]: event for event in open_events(province)}
    for rival, used in rivals.items():
        text = events[rival.region]["text"]
        for word in str(city.folder / "ledger.db"), str(rival.folder / "ledger.db"), "'from-370100'", f"'{used}'":
            assert word in text, text
        assert events[rival.region]["severity"] == "error"
    source, = province.get("/api/v1/rollups/sources")["sources"]
    assert source["source"] == "370100" and "another server delivers" in source["refusal"]
    assert "nenghao_upstream_held_by_another 0" in city.ask("/metrics")[2].decode() and not open_events(city)
    problem = province.ask("/api/v1/rollups", token, "POST", b'{"source": "370102", "server": "x", "place": "there"}')
    assert problem[0] == 403 and json.loads(problem[2])["type"] == "/problems/held"
    assert "application/problem+json" in problem[1]["Content-Type"]
    for body in b'{"source": "370100", "server": 5}', b'{"source": "370100", "server": "%s"}' % (b"a" * 40):
        assert province.ask("/api/v1/rollups", token, "POST", body)[0] == 400

    # Nothing of theirs came in, and the first goes on.
    assert province.ask("/api/v1/institutions/370100-0007")[0] == 404
    assert province.ask("/api/v1/institutions/370102-0007")[0] == 404
    (city.folder / "bills.csv").write_text("institution,carrier,from,to,quantity,unit\n"
                                           f"{name},water,{LAST_YEAR}-02-01,{LAST_YEAR}-02-28,5000,m3\n")
    city.command("import", city.folder / "bills.csv")
    wait_until(lambda: changes(province, province.token, before)[0], 60, "the first delivers")
    wait_same(province, city, "370100", [name])

    # A new token for the server that is to have it: the events end, here and there.
    city.server.stop()
    province.command("token", "revoke", "from-370100")
    new = province.add_token("new", "--role", "upstream", "--region", "370100", "--grade", "L2")
    part.server.stop()
    copy.server.stop()
    (copy.folder / "upstream.token").write_text(new + "\n")
    copy.start()
    wait_same(province, copy, "370100", ["370100-0007"])
    wait_until(lambda: {event["cause"].split("/")[0] for event in open_events(province)} == {"370102"}, 30, "its event ends")
    wait_until(lambda: not open_events(copy), 30, "it ends there too")
    assert "nenghao_upstream_held_by_another 0" in copy.ask("/metrics")[2].decode()
    assert "TWO SERVERS" not in copy.command("status").stdout
