# SPDX-License-Identifier: Apache-2.0
"""机构: one institution's year, its days and hours, its parts, its demand and cost."""
from goal import on_target, targets_used
from indicator import INDICATORS
from make import (BAD, CARRIER, COMPLETE, ESTIMATED, EVENTS, FAIR, GOOD, INSTITUTION, LAST_YEAR,
                  LEGEND_TABLE, LINE, MEASURED, NEWEST_YEAR, REDUCE_LAST, REGION, ROOT, SEARCH,
                  STACKED, STEP, SUBTREE, TYPE, WITHIN_ONE, Row, Text, chart, chosen, dashboard, figure, override, panel, select,
                  target)

THIS, LAST = Text("本年", "this year"), Text("上年同月", "same month last year")
REAL, GUESS = Text("实测", "measured"), Text("估算", "estimated")
OF = chosen("institution")
CARRIER_IS = '"carrier" =~ /^${carrier:regex}$/'
UNITS = Text("单位随能源品种：电 kWh，水 m³，气 m³，热 GJ。",
             "Unit of the carrier: electricity kWh, water m³, gas m³, heat GJ.")


def months(field):
    one = INDICATORS[field]
    return chart(
        Text(f"{one.name.zh}：逐月与上年", f"{one.name.en} by month and last year"), one.meaning,
        (12, 8),
        [target(select([(f'"{field}"', THIS)], "kpi_month", f"{OF} AND $timeFilter"), alias=THIS),
         target(select([(f'"{field}_previous"', LAST)], "kpi_month", f"{OF} AND $timeFilter"),
                alias=LAST)],
        unit=one.unit, decimals=one.decimals, min=0,
        overrides=[override(LAST, colour=LAST_YEAR, custom=STEP)])


def days():
    where = f"{OF} AND {CARRIER_IS} AND \"item\" = 'total' AND $timeFilter"
    group = "time(1d) fill(none) tz('${zone}')"
    return chart(
        Text("逐日用量", "By day"),
        Text("黄色为跨日空缺摊入的估算量。" + UNITS.zh, "Yellow: estimated, spread from gaps. " + UNITS.en),
        (24, 8),
        [target(select([('sum("value") - sum("estimated")', REAL)], "energy_day", where, group),
                alias=REAL),
         target(select([('sum("estimated")', GUESS)], "energy_day", where, group), alias=GUESS)],
        custom=STACKED, decimals=1,
        overrides=[override(REAL, colour=MEASURED), override(GUESS, colour=ESTIMATED)])


def curve(title, shift=None):
    """The same clock hours of one day; three of them stand one below the other."""
    name = Text("平均功率", "mean power")
    more = {"timeFrom": "now/d"} if shift is None else {"timeFrom": "now/d", "timeShift": shift}
    return chart(
        title, Text("每小时电量即该小时平均功率。", "Energy of an hour is its mean power."), (8, 8),
        [target(select([('sum("value") * 1000', name)], "energy_hour",
                       f"{OF} AND \"carrier\" = 'electricity' AND \"item\" = 'total' AND $timeFilter",
                       "time(1h) fill(none) tz('${zone}')"), alias=name)],
        custom=LINE | {"fillOpacity": 15}, unit="watt", min=0, **more)


def week():
    columns = [Text("星期", "Weekday")] + [str(hour) for hour in range(24)]
    return panel(
        "table", Text("周内负荷：小时 × 星期", "Load by hour and weekday"),
        Text("所选时间内每小时平均用电量（kWh）；深色即用电高。", "Mean kWh of each hour of the week in the shown time."),
        (24, 9),
        [target(select([('"value"', "kWh"), ('"hour"', "hour"), ('"weekday"', "weekday")],
                       "energy_hour",
                       f"{OF} AND \"carrier\" = 'electricity' AND \"item\" = 'total' AND $timeFilter"),
                table=True)],
        unit="none", decimals=1, color={"mode": "continuous-BlYlRd"},
        custom={"align": "center", "cellOptions": {"type": "color-background", "mode": "basic"},
                "minWidth": 40},
        options={"showHeader": True, "cellHeight": "sm",
                 "footer": {"show": False, "reducer": ["sum"], "fields": ""}},
        transformations=[
            {"id": "groupBy", "options": {"fields": {
                "kWh": {"operation": "aggregate", "aggregations": ["mean"]},
                "hour": {"operation": "groupby", "aggregations": []},
                "weekday": {"operation": "groupby", "aggregations": []}}}},
            {"id": "groupingToMatrix", "options": {
                "columnField": "hour", "rowField": "weekday", "valueField": "kWh (mean)"}},
            {"id": "organize", "options": {
                "indexByName": {"weekday\\hour": 0} | {name: i + 1
                                                       for i, name in enumerate(columns[1:])},
                "renameByName": {"weekday\\hour": columns[0]}, "excludeByName": {}}},
            {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": columns[0]}]}}],
        overrides=[override(columns[0], custom={"cellOptions": {"type": "auto"}}, mappings=[
            {"type": "value", "options": {
                str(i + 1): {"index": i, "text": name} for i, name in enumerate(
                    (Text("周一", "Mon"), Text("周二", "Tue"), Text("周三", "Wed"), Text("周四", "Thu"),
                     Text("周五", "Fri"), Text("周六", "Sat"), Text("周日", "Sun")))}}])])


def parts(title, meaning, measurement, group, where, alias, size):
    return chart(
        title, meaning, size,
        [target(select([('sum("value")', None)], measurement,
                       f"{OF} AND {where} AND $timeFilter",
                       f"time(1d), \"{group}\" fill(none) tz('${{zone}}')"), alias=alias)],
        custom=STACKED, options=LEGEND_TABLE, decimals=1)


ITEMS = [("01A", Text("照明插座", "Lighting and sockets")), ("01B", Text("空调", "Air conditioning")),
         ("01C", Text("动力", "Power")), ("01D", Text("特殊", "Special")),
         ("rest", Text("未分项（含损耗）", "Unmetered rest"))]


def items():
    made = parts(Text("分项用电", "Electricity by item"),
                 Text("照明插座、空调、动力、特殊四分项；余下为未分项（含损耗）。",
                      "Lighting and sockets, air conditioning, power, special; the rest is unmetered."),
                 "energy_day", "item",
                 "\"carrier\" = 'electricity' AND \"item\" =~ /^(01[A-Z]|rest)$/", "$tag_item",
                 (12, 8))
    made.body["fieldConfig"]["overrides"] = [override(code, displayName=name)
                                             for code, name in ITEMS]
    return made


def pair(title, meaning, fields, **more):
    """Indicators of a month side by side."""
    return chart(title, meaning, (12, 8),
                 [target(select([(f'"{field}"', INDICATORS[field].name)], "kpi_month",
                                f"{OF} AND $timeFilter"), alias=INDICATORS[field].name)
                  for field in fields], min=0, **more)


# Of the year that is shown, or of the last one that is over: only such years are judged.
JUDGED = "time > ${__to}ms - 731d AND time <= ${__to}ms"
AGAINST = ("energy_per_area_kgce", "energy_per_capita_kgce", "water_per_capita_m3")


def quotas():
    """The share of the limit, or of the base value, that each figure has."""
    return panel(
        "bargauge", Text("定额对标：占约束值（或基准值）的比例", "Quotas: share of the limit or base value"),
        Text("自然年结束后评价；大于 100 % 为超出。", "Judged when the year is over; more than 100 % is above it."),
        (12, 6),
        [target(select([(f'last("{field}_quota_share")', INDICATORS[field].name) for field in AGAINST],
                       "kpi_year", f"{OF} AND {JUDGED}"), table=True)],
        unit="percentunit", decimals=1, min=0, max=1.5, thresholds=WITHIN_ONE,
        options={"reduceOptions": REDUCE_LAST, "displayMode": "gradient", "orientation": "horizontal",
                 "showUnfilled": True, "valueMode": "color"})


PEERS = chosen("type") + ' AND "region" =~ /^${root:regex}/'
OWN, COVERAGE = Text("本机构", "this institution"), Text("完整率", "coverage")
QUARTILES = [("p25", Text("同类 P25", "peers P25"), GOOD), ("p50", Text("同类 P50", "peers P50"), FAIR),
             ("p75", Text("同类 P75", "peers P75"), BAD)]


def among_peers(field):
    """The year's figure with its completeness beside it, the quartiles of its type, and of how many."""
    one, count = INDICATORS[field], Text("同类机构数", "of so many")
    return panel(
        "stat", Text(f"同类对比：{one.name.zh}", f"Among its type: {one.name.en}"),
        Text("与全省（根区域）同类型机构的四分位数比较；不足 5 个机构时不显示。" + one.meaning.zh,
             "Beside the quartiles of its type in the whole tree of regions; of fewer than five there are none. " + one.meaning.en),
        (8, 6),
        [target(select([(f'last("{field}")', OWN), (f'last("{field}_coverage")', COVERAGE)],
                       "kpi_year", f"{OF} AND {NEWEST_YEAR}"), table=True),
         target(select([(f'last("{field}_{q}")', name) for q, name, _ in QUARTILES] +
                       [(f'last("{field}_n")', count)], "peer_kpi_year", f"{PEERS} AND {NEWEST_YEAR}"),
                table=True)],
        unit=one.unit, decimals=one.decimals,
        options={"reduceOptions": REDUCE_LAST, "textMode": "value_and_name", "colorMode": "value",
                 "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "wideLayout": True},
        overrides=[override(OWN, colour=MEASURED),
                   override(COVERAGE, unit="percentunit", decimals=1, thresholds=COMPLETE,
                            color={"mode": "thresholds"}),
                   override(count, unit="none", decimals=0, colour="text")] +
                  [override(name, colour=colour) for _, name, colour in QUARTILES])


def peers_by_month(field):
    one = INDICATORS[field]
    return chart(
        Text(f"同类对比：逐月{one.name.zh}", f"Among its type by month: {one.name.en}"),
        Text("虚线为同类型机构的四分位数。", "Dashed: the quartiles of its type."), (24, 8),
        [target(select([(f'"{field}"', OWN)], "kpi_month", f"{OF} AND $timeFilter"), alias=OWN)] +
        [target(select([(f'"{field}_{q}"', name)], "peer_kpi_month", f"{PEERS} AND $timeFilter"), alias=name)
         for q, name, _ in QUARTILES],
        unit=one.unit, decimals=one.decimals, min=0,
        overrides=[override(OWN, colour=MEASURED)] +
                  [override(name, colour=colour, custom=STEP) for _, name, colour in QUARTILES])


def make():
    year = f"{OF} AND {NEWEST_YEAR}"
    head = ["total_energy_kgce", "energy_per_area_kgce", "energy_per_capita_kgce",
            "electricity_kwh", "water_m3", "co2_kg", "pv_generation_kwh"]
    return dashboard(
        "nenghao-institution", Text("机构", "Institution"),
        Text("一个机构的年、月、日、时用能，分项、分建筑。",
             "One institution's energy by year, month, day and hour, its items and buildings."),
        [REGION, SUBTREE, SEARCH, INSTITUTION, TYPE, ROOT, CARRIER],
        [Row(Text("本年累计", "This year so far"),
             [figure(INDICATORS[field], (3, 6), "kpi_year", year) for field in head]),
         Row(Text("逐月与逐日", "By month and day"),
             [months("total_energy_kgce"), months("electricity_kwh"), days()]),
         Row(Text("负荷", "Load"),
             [curve(Text("今日", "Today")), curve(Text("昨日", "Yesterday"), "1d"),
              curve(Text("上周同日", "Same day last week"), "7d"), week()]),
         Row(Text("需量、基础负荷与费用", "Demand, base load and cost"),
             [figure(INDICATORS[field], (3, 6), "kpi_year", year) for field in (
                 "peak_demand_kw", "load_factor", "base_load_kw", "base_load_share",
                 "base_load_cost_yuan", "free_day_load_kw", "energy_cost_yuan", "water_cost_yuan")] +
             [pair(Text("逐月最大需量与夜间负荷", "Peak demand and base load by month"),
                   Text("夜间负荷越接近最大需量，停用设备越少。",
                        "The nearer the base load to the peak, the less is switched off."),
                   ("peak_demand_kw", "base_load_kw"), unit="kwatt", custom=LINE),
              pair(Text("逐月费用", "Cost by month"),
                   Text("有账单按账单，无账单按电价估算。", "Bills; where there is none, the tariff."),
                   ("energy_cost_yuan", "base_load_cost_yuan"), decimals=0)]),
         Row(Text("定额与目标", "Quotas and targets"), [quotas(), targets_used("kpi_year", OF), on_target("kpi_year", OF)]),
         Row(Text("同类对比", "Among its type"),
             [among_peers(field) for field in AGAINST] + [peers_by_month("energy_per_area_kgce")]),
         Row(Text("构成", "Parts"),
             [items(),
              parts(Text("分建筑", "By building"), UNITS, "energy_day_meter", "building",
                    f"{CARRIER_IS} AND \"role\" = 'main'", "$tag_building", (12, 8))])],
        annotations=[EVENTS], time=("now/M", "now"))
