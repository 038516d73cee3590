# SPDX-License-Identifier: Apache-2.0
"""What Grafana does with a dashboard before a query reaches InfluxDB: variables and macros."""
import itertools
import json
import re

ALL = object()  # "All" of a variable


def escape(value):
    """The format ${name:regex} of one value."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


def as_regex(value):
    if isinstance(value, list):
        return "(" + "|".join(map(escape, value)) + ")" if len(value) > 1 else escape(value[0])
    return escape(value)


class Board:
    """A dashboard over a database: resolves its variables in their order, runs its queries."""

    def __init__(self, body, influx_query, span, interval="5m"):
        """span: (from, to) in ms."""
        self.body, self.influx_query, self.span, self.interval = body, influx_query, span, interval
        self.values, self.options = {}, {}

    def variables(self):
        return self.body["templating"]["list"]

    def resolve(self, choose):
        """choose(name, options) gives a value, a list of values or ALL, for each in its order."""
        for variable in self.variables():
            name, kind = variable["name"], variable["type"]
            if kind in ("constant", "textbox"):
                self.values[name] = variable["query"]
            elif kind == "datasource":
                self.values[name] = variable["current"]["value"]
            elif kind == "custom":
                self.values[name] = choose(name, [o["value"] for o in variable["options"]])
            else:
                options = self.options_of(variable)
                self.options[name] = options
                chosen = choose(name, [value for _, value in options])
                self.values[name] = variable["allValue"] if chosen is ALL else chosen
                if chosen is ALL:
                    assert variable["includeAll"], f"{name} has no All"
                    self.values[name] = ALL

    def options_of(self, variable):
        """[(text, value)], sorted as Grafana does."""
        found = []
        for series in self.influx_query(self.interpolate(variable["query"])):
            for row in series["values"]:
                text = value = str(row[1] if len(row) > 1 else row[0])
                if variable["regex"]:
                    match = re.match(variable["regex"].strip("/").replace("(?<", "(?P<"), text)
                    if not match:
                        continue
                    text, value = match["text"], match["value"]
                if (text, value) not in found:
                    found.append((text, value))
        return sorted(found) if variable["sort"] == 1 else found

    def interpolate(self, query):
        variables = {v["name"]: v for v in self.variables()}

        def one(match):
            name, form = match[1], match[2] or ""
            if name == "__from":
                return str(self.span[0])
            if name == "__to":
                return str(self.span[1])
            value = self.values[name]
            if value is ALL:
                return variables[name]["allValue"]
            if form == ":regex":
                return as_regex(value)
            assert not isinstance(value, list), f"{name} may have several values: {query}"
            return value
        query = re.sub(r"\$\{(\w+)(:\w+)?\}", one, query)
        query = query.replace("$timeFilter",
                              f"time >= {self.span[0]}ms and time <= {self.span[1]}ms")
        query = query.replace("$__interval", self.interval)
        assert "$" not in query.replace("$/", "").replace("$'", ""), f"not interpolated: {query}"
        return query

    def panels(self):
        return [panel for panel in self.body["panels"] if panel.get("targets")]

    def run(self, panel):
        """[(target, [series])] of a panel."""
        return [(target, self.influx_query(self.interpolate(target["query"])))
                for target in panel["targets"]]

    def annotations(self):
        for one in self.body["annotations"]["list"]:
            yield one["name"], self.influx_query(self.interpolate(one["target"]["query"]))


def points(answers):
    return sum(len(series["values"]) for _, found in answers for series in found)


def value_of(answers, column):
    """The first value of a column in a table answer."""
    for _, found in answers:
        for series in found:
            if column in series["columns"]:
                return series["values"][0][series["columns"].index(column)]
    return None


def lint(board):
    """Sentences about what is wrong with a dashboard."""
    seen_ids, seen_titles, boxes = set(), set(), []
    for panel in board["panels"]:
        title, box = panel["title"], panel["gridPos"]
        where = f"{board['uid']}, panel {title or panel['id']}"
        if panel["id"] in seen_ids:
            yield f"{where}: id twice"
        seen_ids.add(panel["id"])
        if box["x"] + box["w"] > 24:
            yield f"{where}: out of the grid"
        boxes.append((where, box))
        if panel["type"] == "row":
            continue
        if panel["type"] not in CORE_PANELS:
            yield f"{where}: {panel['type']} is no core panel"
        if title in seen_titles and title:
            yield f"{where}: title twice"
        seen_titles.add(title)
        if not panel.get("description"):
            yield f"{where}: no description"
        yield from lint_targets(where, panel)
    for (a, x), (b, y) in itertools.combinations(boxes, 2):
        if (x["x"] < y["x"] + y["w"] and y["x"] < x["x"] + x["w"] and
                x["y"] < y["y"] + y["h"] and y["y"] < x["y"] + x["h"]):
            yield f"{a} lies over {b}"
    text = json.dumps(board)
    for word in ("__inputs", "DS_", "openstreetmap", "carto", "arcgis"):
        if word in text:
            yield f"{board['uid']}: contains {word}"
    if '"url": "http' in text:
        yield f"{board['uid']}: an address outside"


CORE_PANELS = {"stat", "timeseries", "table", "geomap", "state-timeline", "text", "bargauge",
               "heatmap", "barchart", "piechart"}


def lint_targets(where, panel):
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    for target in panel.get("targets", []):
        query = target["query"]
        if ";" in query:
            yield f"{where}: two statements"
        if re.search(r"\bINTO\b|\bSLIMIT\b|FROM \(|FROM /", query):
            yield f"{where}: outside the common InfluxQL: {query}"
        for tag in re.findall(r"\$tag_(\w+)", target.get("alias", "")):
            if f'"{tag}"' not in query.partition("GROUP BY")[2]:
                yield f"{where}: alias names {tag}, GROUP BY does not"
        if "time(1d)" in query and "tz('${zone}')" not in query:
            yield f"{where}: days of UTC"
        if target["datasource"] != {"type": "influxdb", "uid": "${datasource}"}:
            yield f"{where}: another data source"
    if panel["type"] == "bargauge" and "min" not in defaults:
        yield f"{where}: a bar gauge without min"
    if panel["type"] == "table" and not any(t["id"] == "organize" for t in panel["transformations"]):
        yield f"{where}: columns in no order"
    if panel["type"] in ("timeseries", "stat") and not (
            defaults.get("unit") or panel["fieldConfig"]["overrides"] or "decimals" in defaults):
        yield f"{where}: no unit"
