# SPDX-License-Identifier: Apache-2.0
"""建筑与表计: raw readings, registers, energy and completeness of single meters."""
from make import (BUILDING, COMPLETE, EVENTS, INSTITUTION, LINE, METER, REGION, SEARCH,
                  STACKED, SUBTREE, Row, Text, chart, chosen, dashboard, override, panel, select, table,
                  target)
from words import carrier

OF = f'{chosen("institution")} AND {chosen("meter")}'
READ = f"{OF} AND $timeFilter"


def raw(title, field, unit, meaning, size=(12, 8)):
    return chart(title, meaning, size,
                 [target(select([(f'mean("{field}")', None)], "reading", READ,
                                'time($__interval), "meter" fill(none)'), alias="$tag_meter")],
                 custom=LINE, unit=unit)


def register(title, field, unit):
    return chart(title, Text("计量寄存器（一次侧）。下降即换表、清零或故障，见事件。",
                             "The register at the primary side. A fall is a replacement, reset or fault: see the events."),
                 (12, 8),
                 [target(select([(f'last("{field}")', None)], "reading", READ,
                                'time($__interval), "meter" fill(none)'), alias="$tag_meter")],
                 custom=LINE, unit=unit)


def days():
    return chart(Text("逐日用量", "By day"),
                 Text("每块表按日用量；单位随能源品种。", "Energy of each meter by day, in its carrier's unit."),
                 (24, 8),
                 [target(select([('sum("value")', None)], "energy_day_meter", READ,
                                "time(1d), \"meter\" fill(none) tz('${zone}')"), alias="$tag_meter")],
                 custom=STACKED, decimals=1)


def seen():
    at, ratio = Text("最后读数时间", "Last reading"), Text("倍率", "Ratio")
    return table(Text("最后读数", "Last reading"),
                 Text("每块表在所示时间内的最后一次读数。", "The newest reading of each meter in the shown time."),
                 (10, 9),
                 [target(select([('last("ratio")', ratio)], "reading", READ, '"meter", "carrier"'),
                         table=True)],
                 ["meter", "carrier", "Time", ratio],
                 overrides=[override("Time", displayName=at, unit="dateTimeAsLocal"),
                            override("meter", displayName=Text("表计", "Meter")),
                            carrier()])


def coverage():
    return panel(
        "state-timeline", Text("采集完整率（按小时）", "Coverage by hour"),
        Text("每小时被相邻读数覆盖的时间比例；空白为无数据。",
             "Share of each hour that lies between close readings; blank: no data."), (14, 9),
        [target(select([('sum("covered") / 3600', None)], "energy_hour_meter", READ,
                       '"meter", time(1h) fill(none)'), alias="$tag_meter")],
        unit="percentunit", decimals=0, thresholds=COMPLETE, min=0, max=1,
        custom={"fillOpacity": 80, "lineWidth": 0},
        options={"mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.9,
                 "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                 "tooltip": {"mode": "single", "sort": "none"}})


def make():
    power = Text("有功功率", "Active power")
    return dashboard(
        "nenghao-meter", Text("建筑与表计", "Buildings and meters"),
        Text("单块表的原始读数、计量寄存器、逐日用量与完整率。",
             "Raw readings, registers, daily energy and coverage of single meters."),
        [REGION, SUBTREE, SEARCH, INSTITUTION, BUILDING, METER],
        [Row(Text("表计状态", "State"), [seen(), coverage()]),
         Row(Text("用量", "Energy"), [days()]),
         Row(Text("电", "Electricity"),
             [raw(power, "active_power_w", "watt", Text("瞬时值的平均。", "Mean of the readings.")),
              register(Text("正向有功总电能", "Active energy import"), "active_energy_import_kwh",
                       "kwatth"),
              raw(Text("A 相电压", "Voltage L1"), "voltage_l1_n_v", "volt",
                  Text("相电压。", "Line to neutral."), (8, 7)),
              raw(Text("A 相电流", "Current L1"), "current_l1_a", "amp",
                  Text("一次侧电流。", "At the primary side."), (8, 7)),
              raw(Text("功率因数", "Power factor"), "power_factor", "none",
                  Text("总功率因数。", "Total power factor."), (8, 7))]),
         Row(Text("水、气、热", "Water, gas, heat"),
             [register(Text("累计体积", "Volume"), "volume_total_m3", "suffix: m³"),
              register(Text("累计热量", "Heat"), "heat_energy_gj", "suffix: GJ")])],
        annotations=[EVENTS], time=("now-7d", "now"), refresh="1m")
