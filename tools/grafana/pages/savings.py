# SPDX-License-Identifier: Apache-2.0
"""节能量: what measures saved against their baselines, month by month and day by day."""
from make import (BAD, BARS, CARRIER, FAIR, GOOD, LAST_YEAR, LINE, REGION, STACKED, SUBTREE, WITHIN,
                  Row, Text, chart, chosen, dashboard, note, override, panel, select, steps, table, target,
                  variable)

BASELINE = variable(
    "baseline", Text("项目", "Baseline"),
    f'SHOW TAG VALUES FROM "savings_month" WITH KEY = "baseline" WHERE {WITHIN} AND {chosen("carrier")}',
    multi=True, everything=True)
WHERE = f'{WITHIN} AND {chosen("carrier")} AND {chosen("baseline")} AND $timeFilter'
DAYS = "time(1d), \"baseline\" fill(none) tz('${zone}')"
MONTHS = '"baseline"'
SAVED, USED = Text("节能量", "Saved"), Text("实际用量", "Used")
ADJUSTED, ADJUSTMENT = Text("校准能耗", "Adjusted baseline"), Text("非常规调整", "Non-routine adjustment")
CVRMSE, NMBE = "CV(RMSE)", "NMBE"
CERTIFIABLE, DAYS_USED = Text("可认定", "Certifiable"), Text("有效天数", "Days used")
COUNTED = Text("计入地区合计", "In the region's sum")
PROVIDER, OWN = Text("节能服务公司", "Provider"), Text("本单位", "Own")


def listing():
    fields = [('sum("value")', SAVED), ('sum("used")', USED), ('sum("adjusted_baseline")', ADJUSTED),
              ('sum("adjustment")', ADJUSTMENT), ('sum("days_used")', DAYS_USED),
              ('last("cvrmse")', CVRMSE), ('last("nmbe")', NMBE), ('last("certifiable")', CERTIFIABLE),
              ('last("counted")', COUNTED)]
    amounts = [override(name, unit="none", decimals=0) for name in (SAVED, USED, ADJUSTED, ADJUSTMENT,
                                                                    DAYS_USED)]
    shares = [override(name, unit="percentunit", decimals=1) for name in (CVRMSE, NMBE)]
    verdicts = [override(name, mappings=[{"type": "value", "options": {
        "1": {"text": Text("是", "yes"), "color": GOOD, "index": 0},
        "0": {"text": Text("否", "no"), "color": bad, "index": 1}}}],
        custom={"cellOptions": {"type": "color-text"}}) for name, bad in ((CERTIFIABLE, BAD), (COUNTED, LAST_YEAR))]
    return table(
        Text("项目一览", "Baselines"),
        Text("所选时间内各项目的节能量；正值表示节能。单位：电 kWh，水、天然气 m³，热、冷 GJ。",
             "Of the chosen time; positive: energy was saved. kWh, m³ of water and gas, GJ of heat and cooling."),
        (24, 7), [target(select(fields, "savings_month", WHERE, MONTHS), table=True)],
        ["baseline", SAVED, USED, ADJUSTED, ADJUSTMENT, DAYS_USED, CVRMSE, NMBE, CERTIFIABLE, COUNTED],
        renamed={"baseline": Text("项目", "Baseline")}, overrides=amounts + shares + verdicts)


def month_query(field, alias):
    return target(select([(f'sum("{field}")', None)], "savings_month", WHERE, DAYS), alias=alias)


def day_query(expression, alias):
    return target(select([(expression, None)], "savings_day", WHERE, DAYS), alias=alias)


def saved_by_month():
    return chart(
        Text("逐月节能量", "Saved, by month"),
        Text("节能量 = 校准能耗 − 实际用量；短于不确定度的节能量不显著。",
             "Adjusted baseline less use; what is smaller than its band is not significant."),
        (12, 9),
        [month_query("value", Text("节能量 $tag_baseline", "Saved $tag_baseline")),
         month_query("band", Text("不确定度 $tag_baseline", "Band $tag_baseline"))],
        unit="none", decimals=0,
        overrides=[{"matcher": {"id": "byRegexp", "options": Text("/^不确定度/", "/^Band/")},
                    "properties": [{"id": "custom.drawStyle", "value": "points"},
                                   {"id": "custom.pointSize", "value": 8},
                                   {"id": "color", "value": {"mode": "fixed", "fixedColor": LAST_YEAR}}]}],
        custom=BARS)


def use_by_day():
    return chart(
        Text("逐日：校准能耗与实际用量", "By day: adjusted baseline and use"),
        Text("校准能耗：按当日气温，不改造时本应使用的量。账单法的项目没有逐日数据。",
             "What would have been used at that day's temperature without the measure. Bills have no days."),
        (12, 9),
        [day_query('sum("adjusted_baseline")', Text("校准能耗 $tag_baseline", "Adjusted $tag_baseline")),
         day_query('sum("used")', Text("实际用量 $tag_baseline", "Used $tag_baseline"))],
        unit="none", decimals=0, custom=LINE)


def saved_so_far():
    return chart(
        Text("累计节能量", "Saved so far"),
        Text("自所选时间起点累计。", "From the start of the chosen time on."), (12, 9),
        [day_query('cumulative_sum(sum("value"))', Text("累计 $tag_baseline", "Sum $tag_baseline"))],
        unit="none", decimals=0, custom=LINE)


def money():
    return chart(
        Text("合同能源管理：逐月分享金额", "Contract: shares by month"),
        Text("节能量 × 单价 × 分享比例；元。", "Savings x price x share; yuan."), (12, 9),
        [month_query("provider_yuan", Text("节能服务公司 $tag_baseline", "Provider $tag_baseline")),
         month_query("own_yuan", Text("本单位 $tag_baseline", "Own $tag_baseline"))],
        unit="none", decimals=2, custom=STACKED)


def total():
    fields = [('sum("value")', SAVED)]
    return panel(
        "stat", Text("节能量", "Saved"),
        Text("所选时间内每个项目的节能量。项目之间可能重叠，不要相加。",
             "Of each baseline in the chosen time. Baselines may overlap: do not add them."), (24, 5),
        [target(select(fields, "savings_month", WHERE, MONTHS), alias="$tag_baseline")],
        unit="none", decimals=0, thresholds=steps((None, BAD), (0, FAIR), (1, GOOD)),
        options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                 "textMode": "value_and_name", "colorMode": "value", "graphMode": "none",
                 "justifyMode": "auto", "orientation": "auto", "wideLayout": True})


def make():
    return dashboard(
        "nenghao-savings", Text("节能量", "Savings"),
        Text("节能改造项目相对基期的节能量。", "What measures saved against their baselines."),
        [REGION, SUBTREE, CARRIER, BASELINE],
        [Row(Text("所选时间", "The chosen time"),
             [note(Text("“节能量”仅指经气温校准、与基期比较的结果；基期、非常规调整与合同在注册表 `baselines/` 中申报。"
                        "月份整月计入其第一天，时间范围请选整月。",
                        "Only what is adjusted by weather and held against a baseline is called savings; "
                        "baselines are declared in the registry. A month stands at its first day: choose "
                        "whole months."), (24, 2)), total(), listing()]),
         Row(Text("过程", "The course"), [saved_by_month(), use_by_day(), saved_so_far(), money()])])
