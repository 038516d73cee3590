# SPDX-License-Identifier: Apache-2.0
"""The indicators of the server's kpi series: field, unit and name."""
from collections import namedtuple

from make import Text

Indicator = namedtuple("Indicator", "field unit decimals name meaning more_is_better",
                       defaults=[False])

_ALL = [
    Indicator("total_energy_kgce", "suffix: kgce", 0, Text("综合能耗", "Total energy"),
              Text("电按当量值折标 0.1229 kgce/kWh；不含水与自用光伏。",
                   "Electricity at its calorific value, 0.1229 kgce/kWh; without water and own PV.")),
    Indicator("energy_per_area_kgce", "suffix: kgce/m²", 2,
              Text("单位建筑面积能耗", "Energy per area"),
              Text("综合能耗（不含车辆用油）÷ 建筑面积。", "Total energy without vehicle fuel ÷ floor area.")),
    Indicator("energy_per_capita_kgce", Text("suffix: kgce/人", "suffix: kgce/person"), 1, Text("人均综合能耗", "Energy per person"),
              Text("综合能耗 ÷ 用能人数。", "Total energy ÷ persons.")),
    Indicator("electricity_kwh", "kwatth", 0, Text("用电量", "Electricity"),
              Text("电网购电量。", "Bought from the grid.")),
    Indicator("water_m3", "suffix: m³", 0, Text("用水量", "Water"), Text("自来水。", "Tap water.")),
    Indicator("water_per_capita_m3", Text("suffix: m³/人", "suffix: m³/person"), 1, Text("人均用水量", "Water per person"),
              Text("用水量 ÷ 用能人数。", "Water ÷ persons.")),
    Indicator("co2_kg", "suffix: kg", 0, Text("二氧化碳排放", "CO₂"),
              Text("燃料直接排放与外购电、热间接排放之和。",
                   "Direct from fuels plus indirect from bought electricity and heat.")),
    Indicator("pv_generation_kwh", "kwatth", 0, Text("光伏发电量", "PV generation"),
              Text("本机构光伏发电。", "The institution's own generation."), more_is_better=True),
    Indicator("base_load_kw", "kwatt", 1, Text("夜间平均负荷", "Base load"),
              Text("0 时至 5 时的平均功率。", "Mean power from 0 to 5.")),
    Indicator("base_load_share", "percentunit", 1, Text("夜间基础负荷占比", "Base load share"),
              Text("夜间平均功率若持续全时段所用电量，占总用电量的比例。",
                   "What the night's mean power would use all day long, of all that was used.")),
    Indicator("base_load_cost_yuan", Text("suffix: 元", "suffix: yuan"), 0, Text("夜间基础负荷费用", "Base load cost"),
              Text("夜间基础负荷按分时电价的费用。", "The base load at the tariff of each hour.")),
    Indicator("free_day_load_kw", "kwatt", 1, Text("节假日平均负荷", "Load on free days"),
              Text("非工作日（含调休）的平均功率。", "Mean power of days on which nobody works.")),
    Indicator("peak_demand_kw", "kwatt", 1, Text("最大需量", "Peak demand"),
              Text("15 分钟平均功率的最大值。", "Highest mean of a quarter of an hour.")),
    Indicator("load_factor", "percentunit", 1, Text("负荷率", "Load factor"),
              Text("平均功率 ÷ 最大需量。", "Mean power ÷ peak demand."), more_is_better=True),
    Indicator("energy_cost_yuan", Text("suffix: 元", "suffix: yuan"), 0, Text("能源费用合计", "Energy cost"),
              Text("有账单按账单，无账单按电价估算。", "Bills; where there is none, the tariff.")),
    Indicator("water_cost_yuan", Text("suffix: 元", "suffix: yuan"), 0, Text("水费", "Water cost"),
              Text("有账单按账单，无账单按水价估算。", "Bills; where there is none, the tariff.")),
]
INDICATORS = {one.field: one for one in _ALL}
# What an overview begins with.
HEADLINE = [INDICATORS[field] for field in (
    "total_energy_kgce", "energy_per_area_kgce", "energy_per_capita_kgce", "electricity_kwh",
    "water_m3", "water_per_capita_m3", "co2_kg")]
