# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboards: their form, and every query of theirs against InfluxDB with series that the server wrote.

Grafana itself is not at hand: grafana.py does to a query what Grafana does.
"""
import datetime
import importlib.machinery
import importlib.util
import json
import re
import shutil
import subprocess
import time

import jsonschema
import pytest
import yaml

import grafana
from grafana import ALL, Board
from stack import ROOT, wait_until

ZONE = datetime.timezone(datetime.timedelta(hours=8))
DAY_MS = 86400000
AWKWARD = "市\"一\"中/附属'楼' (东) [A+B]"
PAGES = ("region", "institution", "meter", "collection", "report", "savings")


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """{(language, page): dashboard}"""
    out = tmp_path_factory.mktemp("dashboards")
    subprocess.run([ROOT / "tools" / "grafana" / "build", out], check=True)
    found = {(path.parent.name, path.stem): json.loads(path.read_text(encoding="utf-8"))
             for path in sorted(out.glob("*/*.json"))}
    assert {page for _, page in found} == set(PAGES)
    return found


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    """The demonstration, with its history, agents and server, and awkward names."""
    loader = importlib.machinery.SourceFileLoader("demo", str(ROOT / "tools" / "demo"))
    spec = importlib.util.spec_from_loader("demo", loader)
    demo = importlib.util.module_from_spec(spec)
    loader.exec_module(demo)
    shown = demo.Demo(tmp_path_factory.mktemp("campus"))
    configure = shown.configure_server

    def configure_awkwardly():
        configure()
        one = shown.folder / "registry" / "institutions" / "370103-0001.yaml"
        text = one.read_text(encoding="utf-8")
        quoted = AWKWARD.replace("'", "''")
        one.write_text(re.sub(r"^name: .*$", lambda _: f"name: '{quoted}'", text, count=1, flags=re.M),
                       encoding="utf-8")
        write_peers(shown.folder)
        write_part(shown)

    def import_with_peers(import_history=shown.import_history):
        import_history()
        shown.stack.run(shown.stack.program("server"), "import", shown.folder / "peers.csv", "-c",
                        shown.server_config)
    shown.configure_server, shown.import_history = configure_awkwardly, import_with_peers
    try:
        shown.start()
        wait_until(lambda: not shown.stack.influx_query("SHOW MEASUREMENTS") == [], 60, "any series")
        wait_for_series(shown)
        yield shown
    finally:
        shown.stack.close()
        shutil.rmtree(shown.folder / "influxdb", ignore_errors=True)


def write_part(shown):
    """The lamps alone, which are in the office's measure already: no sum counts them twice."""
    (shown.folder / "registry" / "baselines" / "370102-0001-lamps.yaml").write_text(
        "id: 370102-0001-lamps\nname: LED\ninstitution: 370102-0001\nmeter: 370102-0001-e02\n"
        f"baseline: {{from: {shown.days.first}, to: {shown.days.base}}}\nreporting: {{from: {shown.days.measure}}}\n",
        encoding="utf-8")


PEERS = [f"370104-000{n}" for n in range(1, 6)]


def write_peers(folder):
    """Five more of the type of 370102-0001, known by their bills: of fewer there are no quartiles."""
    today = datetime.datetime.now(ZONE).date()
    rows = ["institution,carrier,from,to,quantity,unit"]
    for n, name in enumerate(PEERS):
        (folder / "registry" / "institutions" / f"{name}.yaml").write_text(
            f'id: {name}\nname: "高新区第{n + 1}局"\ntype: government\nregion: "370104"\n'
            f"headcount: [{{from: 2020-01-01, persons: {50 + n}}}]\nsupply: {{electricity: bill, water: bill}}\n"
            "buildings: [{id: main, name: 主楼, class: A, area: [{from: 2012-06-01, m2: 2000}]}]\n", encoding="utf-8")
        for year, end in ((today.year - 1, f"{today.year - 1}-12-31"),
                          (today.year, today - datetime.timedelta(days=1))):
            if str(end) < str(year):  # today the year begins
                continue
            rows += [f"{name},electricity,{year}-01-01,{end},{80000 * (n + 1)},kWh",
                     f"{name},water,{year}-01-01,{end},{300 * (n + 1)},m3"]
    (folder / "peers.csv").write_text("\n".join(rows) + "\n")


def wait_for_series(campus):
    """Until the database has what the API answers now, and live readings as well."""
    year = datetime.datetime.now(ZONE).year

    def written():
        answer = campus.get(f"/api/v1/regions/370100/kpis?year={year}&period=year")
        if not answer or answer.get("computing"):
            return False
        series = campus.stack.influx_query(
            'SELECT last("total_energy_kgce") FROM "region_kpi_year" WHERE "region" = \'370100\'')
        live = campus.stack.influx_query('SELECT count("active_power_w") FROM "reading"')
        health = campus.stack.influx_query('SELECT count("online") FROM "agent"')
        return bool(series and live and health)
    wait_until(written, 300, "all series are in the database")


# ---- form ----
def test_every_dashboard_is_what_grafana_loads(boards):
    schema = json.loads((ROOT / "tests/data/grafana/dashboard.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    for (language, page), board in boards.items():
        wrong = [f"{language}/{page} {list(e.path)}: {e.message[:200]}"
                 for e in validator.iter_errors(board)]
        wrong += list(grafana.lint(board))
        assert not wrong, "\n".join(wrong)


def test_both_languages_are_one_dashboard(boards):
    """The same panels and queries but for the words; links stay right whichever is provided."""
    for page in PAGES:
        zh, en = boards["zh", page], boards["en", page]
        assert zh["uid"] == en["uid"] and zh["title"] != en["title"]
        assert [p["gridPos"] for p in zh["panels"]] == [p["gridPos"] for p in en["panels"]]
        assert not re.search("[\u4e00-\u9fff]", json.dumps(en, ensure_ascii=False)), page


def test_links_lead_to_dashboards_that_exist(boards):
    uids = {board["uid"] for board in boards.values()}
    names = {board["uid"]: {v["name"] for v in board["templating"]["list"]}
             for board in boards.values()}
    linked = set()
    for board in boards.values():
        for uid, query in re.findall(r"/d/([\w-]+)\?([^\"]*)", json.dumps(board)):
            assert uid in uids, uid
            linked.add(uid)
            for name in re.findall(r"var-(\w+)=", query):
                assert name in names[uid], f"{uid} has no variable {name}"
    assert {"nenghao-region", "nenghao-institution"} <= linked


RULE_KEYS = {"uid", "title", "condition", "data", "noDataState", "execErrState", "for", "annotations",
             "labels", "isPaused", "dashboardUid", "panelId", "keepFiringFor"}


def test_provisioning_names_only_what_grafana_reads(boards):
    folder = ROOT / "config" / "grafana" / "provisioning"
    files = {str(path.relative_to(folder)): yaml.safe_load(path.read_text(encoding="utf-8"))
             for path in folder.glob("*/*.yaml")}
    [source] = files["datasources/nenghao.yaml"]["datasources"]
    uid = source["uid"]
    assert uid == boards["zh", "region"]["templating"]["list"][0]["current"]["value"]
    uids = {board["uid"] for board in boards.values()}
    points = {point["name"] for point in files["alerting/contact-points.yaml"]["contactPoints"]}
    assert {policy["receiver"] for policy in files["alerting/policies.yaml"]["policies"]} <= points
    for group in files["alerting/rules.yaml"]["groups"]:
        for rule in group["rules"]:
            assert set(rule) <= RULE_KEYS, set(rule) - RULE_KEYS
            assert rule["dashboardUid"] in uids
            refs = [part["refId"] for part in rule["data"]]
            assert rule["condition"] in refs
            assert {part["datasourceUid"] for part in rule["data"]} == {uid, "__expr__"}


# ---- queries ----
def span_of(days):
    now = int(datetime.datetime.now(ZONE).timestamp() * 1000)
    return now - days * DAY_MS, now


def this_year():
    now = datetime.datetime.now(ZONE)
    return int(now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
               * 1000), int(now.timestamp() * 1000)


def some_months():
    """(year, span): this year, in its first two months with the one before."""
    now = datetime.datetime.now(ZONE)
    year = (now - datetime.timedelta(days=60)).year
    return str(year), (int(datetime.datetime(year, 1, 1, tzinfo=ZONE).timestamp() * 1000), int(now.timestamp() * 1000))


def last_month():
    first = datetime.datetime.now(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (first - datetime.timedelta(days=1)).replace(day=1)
    return int(before.timestamp() * 1000), int(first.timestamp() * 1000) - 1


def first_of(name, options):
    assert options, f"variable {name} has no value"
    return options[0]


def every(name, options):
    if name == "institution":
        return "370102-0001"
    return ALL if name in ("building", "meter", "agent", "baseline") else first_of(name, options)


def several(name, options):
    return options[:2] if name in ("building", "meter", "agent", "baseline") else first_of(name, options)


def awkward(name, options):
    return "370103-0001" if name == "institution" else every(name, options)


def resolved(campus, board, span, choose):
    made = Board(board, campus.stack.influx_query, span)

    def choose_region(name, options):
        return "370100" if name == "region" else choose(name, options)
    made.resolve(choose_region)
    return made


@pytest.mark.parametrize("page", PAGES)
def test_every_query_is_answered(campus, boards, page):
    for choose in (first_of, every, several, awkward):
        for span in (span_of(1), span_of(7), span_of(31), span_of(366)):
            board = resolved(campus, boards["zh", page], span, choose)
            for panel in board.panels():
                for target, series in board.run(panel):
                    if target["resultFormat"] == "time_series":
                        assert len(series) <= 50, f"{panel['title']}: {len(series)} series"
            for _ in board.annotations():
                pass


def keys_of(campus, kind, measurement):
    return {value[0] for row in campus.stack.influx_query(f'SHOW {kind} KEYS FROM "{measurement}"')
            for value in row["values"]}


def test_alert_rules_ask_for_what_the_server_writes(campus):
    rules = yaml.safe_load((ROOT / "config/grafana/provisioning/alerting/rules.yaml").read_text(encoding="utf-8"))
    known = 0
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        query = rule["data"][0]["model"]["query"]
        seconds = rule["data"][0]["relativeTimeRange"]["from"]
        answer = campus.stack.influx_query(query.replace("$timeFilter", f"time > now() - {seconds}s"))
        [measurement] = re.findall(r'FROM "(\w+)"', query)
        fields = keys_of(campus, "FIELD", measurement)
        if not fields:  # nothing of the kind has happened
            assert measurement == "event" and not answer, rule["title"]
            continue
        known += 1
        assert set(re.findall(r'\w\("(\w+)"\)', query)) <= fields, rule["title"]
        names = re.findall(r'"(\w+)" =', query) + re.findall(r'GROUP BY.*?"(\w+)"', query)
        assert set(names) <= keys_of(campus, "TAG", measurement), rule["title"]
    assert known >= 3


# Panels that stay empty on the demonstration's campus, and why.
EMPTY = {
    "光伏发电量": "this institution has none",
    "目标状态": "the running plan has no targets yet",
    "未结事件": "nothing is wrong",
    "事件类别": "nothing is wrong",
}


@pytest.mark.parametrize("page,span", [("region", this_year), ("institution", this_year),
                                       ("meter", lambda: span_of(1)), ("collection", lambda: span_of(1)),
                                       ("report", last_month), ("savings", this_year)])
def test_panels_show_what_there_is(campus, boards, page, span):
    board = resolved(campus, boards["zh", page], span(), every)
    empty = [panel["title"] for panel in board.panels()
             if grafana.points(board.run(panel)) == 0 and panel["title"] not in EMPTY]
    assert not empty, empty


def test_names_reach_the_variables(campus, boards):
    board = resolved(campus, boards["zh", "institution"], span_of(7), awkward)
    assert (AWKWARD, "370103-0001") in board.options["institution"]
    assert ("济南市", "370100") in board.options["region"]
    # A county shows its own institutions only.
    board.values["region"] = "370102"
    board.values["subtree"] = board.options_of(
        next(v for v in board.variables() if v["name"] == "subtree"))[0][1]
    found = board.options_of(next(v for v in board.variables() if v["name"] == "institution"))
    assert {value for _, value in found} == {"370102-0001", "370102-0002"}


# ---- values ----
def close(a, b, digits):
    return a is not None and b is not None and round(a, digits) == round(b, digits)


def test_a_region_shows_what_the_api_says(campus, boards):
    board = resolved(campus, boards["zh", "region"], this_year(), first_of)
    year = datetime.datetime.now(ZONE).year
    panels = {panel["title"]: panel for panel in board.panels()}

    def same():
        kpis = campus.get(f"/api/v1/regions/370100/kpis?year={year}&period=year")["rows"][0]["kpis"]
        shown = {name: grafana.value_of(board.run(panels[title]), "数值")
                 for name, title in (("total_energy_kgce", "综合能耗"), ("electricity_kwh", "用电量"),
                                     ("water_m3", "用水量"), ("energy_per_area_kgce", "单位建筑面积能耗"))}
        return all(close(shown[name], kpis[name]["value"], 2) for name in shown)
    wait_until(same, 60, "panels equal the API")


def test_an_institution_shows_its_operation_and_quotas(campus, boards):
    board = resolved(campus, boards["zh", "institution"], this_year(), every)
    year = datetime.datetime.now(ZONE).year
    panels = {panel["title"]: panel for panel in board.panels()}
    path = "/api/v1/institutions/370102-0001/kpis?"

    def same():
        kpis = campus.get(f"{path}year={year}")["rows"][0]["kpis"]
        shown = {name: grafana.value_of(board.run(panels[title]), "数值")
                 for name, title in (("peak_demand_kw", "最大需量"), ("base_load_share", "夜间基础负荷占比"),
                                     ("energy_cost_yuan", "能源费用合计"), ("load_factor", "负荷率"))}
        quotas = campus.get(f"{path}year={year - 1}")["rows"][0]["quota_grade"]
        share = grafana.value_of(board.run(panels["定额对标：占约束值（或基准值）的比例"]), "单位建筑面积能耗")
        return (all(close(shown[name], kpis[name]["value"], 2) for name in shown) and
                close(share, quotas["energy_per_area_kgce"]["share"], 4))
    wait_until(same, 60, "panels equal the API")


def test_an_institution_stands_among_its_type(campus, boards):
    """Value, coverage and quartiles of last year and this one; by month the same quartiles."""
    year = datetime.datetime.now(ZONE).year
    fields = {"energy_per_area_kgce": "同类对比：单位建筑面积能耗", "energy_per_capita_kgce": "同类对比：人均综合能耗",
              "water_per_capita_m3": "同类对比：人均用水量"}
    begin = int(datetime.datetime(year, 1, 1, tzinfo=ZONE).timestamp() * 1000)

    def same(shown_year, span):
        board = resolved(campus, boards["zh", "institution"], span, every)
        assert board.values["type"] == "government" and board.values["root"] == "37"
        panels = {panel["title"]: panel for panel in board.panels()}
        path = f"/api/v1/institutions/370102-0001/peers?year={shown_year}&period=year"
        said = campus.get(path)["kpis"]
        found = []
        for field, title in fields.items():
            answers = board.run(panels[title])
            for column, name in (("本机构", "value"), ("同类 P25", "p25"), ("同类 P50", "p50"), ("同类 P75", "p75"),
                                 ("同类机构数", "institutions")):
                found.append((field, name, grafana.value_of(answers, column), said[field][name]))
            found.append((field, "coverage", grafana.value_of(answers, "完整率") is not None, True))
        assert all(one[3] is not None for one in found), found
        return all(close(float(shown), float(value), 4) for _, _, shown, value in found)
    wait_until(lambda: same(year - 1, (begin - 300 * DAY_MS, begin - 1)), 60, "last year's quartiles")
    wait_until(lambda: same(year, this_year()), 60, "this year's quartiles")


def test_institutions_show_what_the_api_says(campus, boards):
    year = datetime.datetime.now(ZONE).year
    board = resolved(campus, boards["zh", "region"], this_year(), first_of)
    panels = {panel["title"]: panel for panel in board.panels()}

    def same():
        answers = board.run(panels["机构排名：单位建筑面积能耗"])
        shown = {series["tags"]["institution"]: series["values"][0][1]
                 for _, found in answers for series in found}
        said = {}
        for id in ("370102-0001", "370102-0002", "370103-0001", *PEERS):
            row = campus.get(f"/api/v1/institutions/{id}/kpis?year={year}&period=year")["rows"][0]
            said[id] = row["kpis"]["energy_per_area_kgce"]["value"]
        said = {id: value for id, value in said.items() if value is not None}
        return set(shown) == set(said) and all(close(shown[i], said[i], 3) for i in said)
    wait_until(same, 60, "the ranking equals the API")


def test_days_add_up_to_what_the_api_says(campus, boards):
    """A closed day's bar, measured and estimated, is the API's value to the last digit."""
    board = resolved(campus, boards["zh", "institution"], span_of(8), every)
    panel = next(p for p in board.panels() if p["title"] == "逐日用量")
    today = datetime.datetime.now(ZONE).date()
    bars = {}
    for _, found in board.run(panel):
        for series in found:
            for start, value in series["values"]:
                bars[start] = bars.get(start, 0) + value
    answer = campus.get(f"/api/v1/institutions/{board.values['institution']}/energy?"
                        f"from={today - datetime.timedelta(days=6)}&to={today}&interval=day")
    points = next(s["points"] for s in answer["series"] if s["key"]["carrier"] == "electricity")
    assert len(points) == 6
    for point in points:
        start = int(datetime.datetime.fromisoformat(point["start"]).timestamp() * 1000)
        assert close(bars[start], point["value"], 6), point


def test_savings_show_what_the_api_says(campus, boards):
    """Of each baseline the year's months, the days that add up to them, the contract's money."""
    year, span = some_months()
    board = resolved(campus, boards["zh", "savings"], span, every)
    panels = {panel["title"]: panel for panel in board.panels()}
    ids = ["370102-0001-lamps", "370102-0001-retrofit", "370103-0001-cooling"]
    paths = [f"/api/v1/institutions/{one.rsplit('-', 1)[0]}/savings" for one in ids[1:]]

    def sums(title, prefix):
        found = {}
        for target, answer in board.run(panels[title]):
            if not target.get("alias", "").startswith(prefix):
                continue
            for series in answer:
                key = series["tags"]["baseline"]
                found[key] = found.get(key, 0) + sum(row[1] or 0 for row in series["values"])
        return found

    def same():
        said = {one["id"]: sum(month["value"] or 0 for month in one["months"] if month["start"] >= year)
                for path in paths for one in campus.get(path)["baselines"]}
        assert sorted(said) == ids and all(value > 10000 for value in said.values())
        money = [sum(row["provider_yuan"] for row in campus.get(f"{path}/account")["accounts"][0]["rows"]
                     if row["from"] >= year) for path in paths]
        parts = sums("合同能源管理：逐月分享金额", "节能服务公司")
        months, total = sums("逐月节能量", "节能量"), sums("节能量", "")
        return (all(close(months.get(i), said[i], 5) and close(total.get(i), said[i], 5) for i in ids)
                and all(close(parts.get(i), part, 4) for i, part in zip(ids[1:], money)))
    wait_until(same, 60, "the panels equal the API")


def test_a_region_shows_its_savings_once(campus, boards):
    """What the region's chart adds up is the API's sum, in which the lamps are not counted twice."""
    board = resolved(campus, boards["zh", "region"], this_year(), first_of)
    panel = next(panel for panel in board.panels() if panel["title"] == "节能量：逐月")
    year = datetime.datetime.now(ZONE).year

    def same():
        said = campus.get(f"/api/v1/regions/370100/savings?year={year}")
        assert {row["baseline"]: row["counted"] for row in said["rows"]} == {
            "370102-0001-lamps": False, "370102-0001-retrofit": True, "370103-0001-cooling": True}
        shown = {series["tags"]["carrier"]: sum(row[1] for row in series["values"])
                 for _, answer in board.run(panel) for series in answer}
        return (set(shown) == {one["carrier"] for one in said["carriers"]}
                and all(close(shown[one["carrier"]], one["value"], 4) for one in said["carriers"]))
    wait_until(same, 60, "the chart equals the API")


def test_a_wide_year_opens_quickly(campus, boards):
    """Every panel of the overview over a year, one after the other."""
    board = resolved(campus, boards["zh", "region"], this_year(), first_of)

    def takes():
        began = time.monotonic()
        for panel in board.panels():
            board.run(panel)
        return time.monotonic() - began
    wait_until(lambda: takes() < 1, 20, "all of them within a second, on a machine that may be busy")
