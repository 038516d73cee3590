# SPDX-License-Identifier: Apache-2.0
"""What dashboards are made of: texts in two languages, queries, panels, variables, layout.

A page (pages/*.py) describes its panels with these functions; build turns each page into one
classic Grafana dashboard per language.
"""
from collections import namedtuple

SCHEMA_VERSION = 39
COLUMNS = 24

# Chinese first: that is what most officers read.
Text = namedtuple("Text", "zh en")
LANGUAGES = ("zh", "en")

DATASOURCE = {"type": "influxdb", "uid": "${datasource}"}
ESTIMATED, MEASURED, LAST_YEAR = "#F2CC0C", "#3274D9", "#A0A4AD"
GOOD, FAIR, BAD = "#37872D", "#E0B400", "#C4162A"


def localise(node, language):
    """The same tree with every Text replaced by its text of one language."""
    if isinstance(node, Text):
        return getattr(node, language)
    if isinstance(node, dict):
        return {localise(key, language): localise(value, language) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [localise(value, language) for value in node]
    return node


# ---- queries ----
def chosen(tag):
    """A condition on a tag by the variable of the same name, whatever characters its values have."""
    return f'"{tag}" =~ /^${{{tag}:regex}}$/'


# The chosen region and all below it. The server writes which codes those are: the tree is dated
# and does not always follow from the codes.
WITHIN = '"region" =~ /^(${subtree:raw})$/'
# The year or month that the end of the shown range lies in: its point stands at its first moment.
NEWEST_YEAR = "time > ${__to}ms - 366d AND time <= ${__to}ms"
NEWEST_MONTH = "time > ${__to}ms - 31d AND time <= ${__to}ms"


def select(fields, measurement, where, group="", tail=""):
    """fields: [(expression, name or None)]."""
    columns = ", ".join(f'{expression} AS "{{{i}}}"' if name else expression
                        for i, (expression, name) in enumerate(fields))
    query = f'SELECT {columns} FROM "{measurement}" WHERE {where}'
    if group:
        query += f" GROUP BY {group}"
    if tail:
        query += f" {tail}"
    return named(query, fields)


def named(query, fields):
    """Puts the columns' names, which are texts, into the query of each language."""
    def in_language(language):
        text = query
        for i, (_, name) in enumerate(fields):
            if name:
                text = text.replace(f'"{{{i}}}"', f'"{localise(name, language)}"')
        return text
    return Text(in_language("zh"), in_language("en"))


def target(query, alias=None, table=False, ref="A"):
    made = {"refId": ref, "datasource": DATASOURCE, "rawQuery": True, "query": query,
            "resultFormat": "table" if table else "time_series"}
    if alias:
        made["alias"] = alias
    return made


def targets(*made):
    """Gives each its letter."""
    return [{**one, "refId": chr(ord("A") + i)} for i, one in enumerate(made)]


# ---- panels ----
Panel = namedtuple("Panel", "width height body")


def steps(*pairs):
    """Thresholds: (None, colour) first, then (from, colour)."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour}
                                          for value, colour in pairs]}


def override(name, **properties):
    """properties: unit=, decimals=, colour=, width=, links=, hidden=, custom={...}"""
    known = []
    for key, value in properties.items():
        if key == "colour":
            known.append({"id": "color", "value": {"mode": "fixed", "fixedColor": value}})
        elif key == "width":
            known.append({"id": "custom.width", "value": value})
        elif key == "custom":
            known += [{"id": f"custom.{k}", "value": v} for k, v in value.items()]
        else:
            known.append({"id": key, "value": value})
    return {"matcher": {"id": "byName", "options": name}, "properties": known}


def panel(kind, title, description, size, queries, *, unit=None, decimals=None, options=None,
          custom=None, overrides=(), thresholds=None, transformations=(), links=(), **more):
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom or {},
                "noValue": Text("无数据", "no data")}
    if unit:
        defaults["unit"] = unit
    if decimals is not None:
        defaults["decimals"] = decimals
    if thresholds:
        defaults["thresholds"] = thresholds
        defaults["color"] = {"mode": "thresholds"}
    for name in ("min", "max", "mappings", "color"):
        if name in more:
            defaults[name] = more.pop(name)
    return Panel(*size, {
        "type": kind, "title": title, "description": description, "datasource": DATASOURCE,
        "targets": targets(*queries), "options": options or {},
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "transformations": list(transformations), "links": list(links), **more})


REDUCE_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
# Less is better, but of generation.
PERCENT_CHANGE = steps((None, GOOD), (0, FAIR), (0.05, BAD))
PERCENT_GROWTH = steps((None, FAIR), (0, GOOD))
# What is used of what is due, and a figure against its quota.
WITHIN_ONE = steps((None, GOOD), (0.9, FAIR), (1.000001, BAD))
COMPLETE = steps((None, BAD), (0.9, FAIR), (0.98, GOOD))


def figure(indicator, size, measurement, where):
    """One number with its change against the year before and its completeness beside it."""
    value, year_before = Text("数值", "value"), Text("同比", "change")
    complete = Text("完整率", "coverage")
    fields = [(f'last("{indicator.field}")', value),
              (f'last("{indicator.field}_change")', year_before),
              (f'last("{indicator.field}_coverage")', complete)]
    change = PERCENT_GROWTH if indicator.more_is_better else PERCENT_CHANGE
    overrides = [override(value, unit=indicator.unit, decimals=indicator.decimals, colour="text"),
                 override(year_before, unit="percentunit", decimals=1, thresholds=change,
                          color={"mode": "thresholds"}),
                 override(complete, unit="percentunit", decimals=1, thresholds=COMPLETE,
                          color={"mode": "thresholds"})]
    return panel("stat", indicator.name, indicator.meaning, size,
                 [target(select(fields, measurement, where), table=True)],
                 options={"reduceOptions": REDUCE_LAST, "textMode": "value_and_name",
                          "colorMode": "value", "graphMode": "none", "justifyMode": "auto",
                          "orientation": "vertical", "wideLayout": True},
                 overrides=overrides)


BARS = {"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "barAlignment": 1,
        "barWidthFactor": 0.7}
STACKED = BARS | {"stacking": {"mode": "normal", "group": "A"}}
LINE = {"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "never",
        "spanNulls": False}
STEP = LINE | {"lineInterpolation": "stepAfter", "lineWidth": 1, "lineStyle": {"fill": "dash"}}
LEGEND = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
          "tooltip": {"mode": "multi", "sort": "desc"}}
LEGEND_TABLE = {"legend": {"displayMode": "table", "placement": "right", "showLegend": True,
                           "calcs": ["sum"]},
                "tooltip": {"mode": "multi", "sort": "desc"}}


def chart(title, description, size, queries, **more):
    more.setdefault("custom", BARS)
    more.setdefault("options", LEGEND)
    return panel("timeseries", title, description, size, queries, **more)


def order_columns(names, renamed=None):
    """Tag columns come in no fixed order: this one fixes it. Names not listed are hidden by hidden()."""
    return {"id": "organize", "options": {
        "indexByName": {name: i for i, name in enumerate(names)},
        "renameByName": renamed or {}, "excludeByName": {"Time": "Time" not in names}}}


def table(title, description, size, queries, columns, **more):
    """columns: names in their order."""
    more.setdefault("options", {"showHeader": True, "cellHeight": "sm",
                                "footer": {"show": False, "reducer": ["sum"], "fields": ""}})
    transformations = list(more.pop("transformations", ()))
    renamed = more.pop("renamed", None)
    return panel("table", title, description, size, queries,
                 custom={"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}},
                 transformations=transformations + [order_columns(columns, renamed)], **more)


def note(text, size):
    return Panel(*size, {"type": "text", "title": "", "description": Text("说明", "note"),
                         "transparent": True, "options": {"mode": "markdown", "content": text}})


Row = namedtuple("Row", "title panels")


# ---- variables ----
NAME_AND_ID = "/^(?<text>.*) \\((?<value>[^()]+)\\)$/"


def variable(name, label, query, *, regex="", multi=False, everything=False, sort=1):
    made = {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": query,
            "refresh": 1, "regex": regex, "sort": sort, "multi": multi, "includeAll": everything,
            "hide": 0, "options": [], "current": {"text": "", "value": ""}, "skipUrlSync": False}
    if everything:
        made["allValue"] = ".*"
    return made


def choice(name, label, options):
    """options: [(value, text)]; the first is chosen."""
    made = [{"text": text, "value": value, "selected": i == 0}
            for i, (value, text) in enumerate(options)]
    return {"name": name, "label": label, "type": "custom", "multi": False, "includeAll": False,
            "hide": 0, "options": made, "current": made[0], "skipUrlSync": False,
            "query": listed([(text, value) for value, text in options])}


def listed(pairs):
    return Text(*(", ".join(f"{localise(text, language)} : {value}" for text, value in pairs)
                  for language in LANGUAGES))


SOURCE = {"name": "datasource", "label": Text("数据源", "Data source"), "type": "datasource",
          "query": "influxdb", "refresh": 1, "regex": "", "multi": False, "includeAll": False,
          "hide": 2, "options": [], "skipUrlSync": False,
          "current": {"text": "nenghao", "value": "nenghao-influx", "selected": True}}
ZONE = {"name": "zone", "label": "zone", "type": "constant", "query": "Asia/Shanghai", "hide": 2,
        "skipUrlSync": True, "options": [{"text": "Asia/Shanghai", "value": "Asia/Shanghai",
                                          "selected": True}],
        "current": {"text": "Asia/Shanghai", "value": "Asia/Shanghai"}}
REGION = variable("region", Text("区域", "Region"),
                  'SELECT "label" FROM "directory" WHERE "kind" = \'region\'', regex=NAME_AND_ID,
                  sort=0)
SUBTREE = variable("subtree", "subtree",
                   'SELECT "subtree" FROM "directory" WHERE "kind" = \'region\' AND ' +
                   chosen("region")) | {"hide": 2, "skipUrlSync": True}
SEARCH = {"name": "search", "label": Text("名称含", "Name has"), "type": "textbox", "query": "",
          "hide": 0, "options": [{"text": "", "value": "", "selected": True}],
          "current": {"text": "", "value": ""}, "skipUrlSync": False}
INSTITUTION = variable(
    "institution", Text("机构", "Institution"),
    'SELECT "label" FROM "directory" WHERE "kind" = \'institution\' AND ' + chosen("region") +
    ' AND "label" =~ /.*${search:regex}.*/ LIMIT 500', regex=NAME_AND_ID)
BUILDING = variable(
    "building", Text("建筑", "Building"),
    'SELECT "label" FROM "directory" WHERE "kind" = \'building\' AND ' + chosen("institution"),
    regex=NAME_AND_ID, multi=True, everything=True)
METER = variable(
    "meter", Text("表计", "Meter"),
    'SHOW TAG VALUES FROM "energy_month_meter" WITH KEY = "meter" WHERE ' + chosen("institution") +
    " AND " + chosen("building"), multi=True, everything=True)
# Of the chosen institution: its type, and the root of its region's tree by the code's first digits.
TYPE = variable("type", "type", 'SHOW TAG VALUES FROM "kpi_year" WITH KEY = "type" WHERE ' +
                chosen("institution")) | {"hide": 2, "skipUrlSync": True}
ROOT = variable("root", "root", 'SHOW TAG VALUES FROM "kpi_year" WITH KEY = "region" WHERE ' +
                chosen("institution"), regex="/^(?<text>(?<value>..))/") | {
                    "hide": 2, "skipUrlSync": True}
CARRIER = choice("carrier", Text("能源品种", "Carrier"), [
    ("electricity", Text("电", "Electricity")), ("water", Text("水", "Water")),
    ("natural_gas", Text("天然气", "Natural gas")), ("heat", Text("热力", "Heat")),
    ("cooling", Text("冷量", "Cooling"))])


# ---- annotations, links, the dashboard ----
def annotation(name, where, colour):
    return {"name": name, "enable": True, "hide": False, "iconColor": colour,
            "datasource": DATASOURCE,
            "target": {"refId": "Anno", "rawQuery": True, "fromAnnotations": True,
                       "textEditor": True, "resultFormat": "logs",
                       "query": f'SELECT "text" FROM "event" WHERE {where} AND $timeFilter',
                       "textColumn": "text", "tagsColumn": "kind", "titleColumn": "",
                       "timeEndColumn": "",
                       # The form of Grafana's own annotations, which the schema asks of all.
                       "limit": 100, "matchAny": False, "tags": [], "type": "tags"}}


EVENTS = annotation(Text("事件", "Events"), chosen("institution"), "#FF9830")


def link_to(uid, title, **variables):
    """A data link to another dashboard that keeps the time range."""
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/{uid}?${{__url_time_range}}&var-datasource=${{datasource}}"
                                   + given}


def dashboard(uid, title, description, variables, rows, *, annotations=(), time=("now/y", "now"),
              refresh="5m"):
    """rows: [Row]; panels flow from left to right."""
    panels, next_id, y = [], 1, 0
    for row in rows:
        panels.append({"id": next_id, "type": "row", "title": row.title, "collapsed": False,
                       "panels": [], "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        next_id, y, x, high = next_id + 1, y + 1, 0, 0
        for width, height, body in row.panels:
            if x + width > COLUMNS:
                x, y, high = 0, y + high, 0
            panels.append({"id": next_id, **body,
                           "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            next_id, x, high = next_id + 1, x + width, max(high, height)
        y += high
    return {"uid": uid, "title": title, "description": description, "tags": ["nenghao"],
            "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": False, "graphTooltip": 1,
            "timezone": "Asia/Shanghai", "weekStart": "monday", "fiscalYearStartMonth": 0,
            "liveNow": False, "preload": False, "refresh": refresh,
            "time": {"from": time[0], "to": time[1]}, "timepicker": {},
            "templating": {"list": [SOURCE, ZONE, *variables]},
            "annotations": {"list": list(annotations)},
            "links": [{"type": "dashboards", "tags": ["nenghao"], "title": Text("看板", "Dashboards"),
                       "asDropdown": True, "includeVars": True, "keepTime": True, "icon": "",
                       "targetBlank": False, "tooltip": "", "url": ""}],
            "panels": panels}
