# SPDX-License-Identifier: Apache-2.0
"""What the server's codes are called: kinds and severities of events, types of institutions, carriers."""
from make import BAD, FAIR, GOOD, Text, override

KINDS = {
    "two_agents": ("两个网关同名", "two agents"), "two_servers": ("两台服务器争同一区域", "two servers"),
    "two_lower_servers": ("两台下级服务器争同一区域", "two lower servers"),
    "batches_lost": ("采集数据丢失", "batches lost"),
    "clock": ("时钟被拨回", "clock put back"), "unexplained_drop": ("读数无故下降", "register fell"),
    "replacement": ("换表缺底数", "replacement"), "above_rating": ("超过额定能力", "above rating"),
    "stuck": ("读数停走", "stands still"), "balance": ("总表与分表不符", "balance"),
    "negative_rest": ("分表之和超过总表", "negative rest"), "meter_silent": ("计量表失联", "meter silent"),
    "agent_down": ("采集网关离线", "agent down"), "database_down": ("时序数据库不可用", "database down"),
    "broker_down": ("消息服务器断开", "broker down"), "coverage_low": ("数据完整率偏低", "coverage low"),
    "night_load_high": ("夜间基荷偏高", "high load at night"),
    "holiday_load_high": ("节假日负荷偏高", "high load on free days"),
    "sudden_rise": ("用电突增", "sudden rise"), "water_night_flow": ("夜间持续用水", "water all night"),
    "water_night_rise": ("夜间用水突增", "more water at night"),
    "demand_above_contract": ("超合同需量", "demand above contract"),
    "quota_exceeded": ("超过定额", "quota exceeded"), "target_exceeded": ("超过目标", "target exceeded"),
    "roll_over": ("表底数翻转", "rolled over"), "glitch": ("个别读数异常", "glitch"),
}
SEVERITIES = {"info": ("提示", "info", GOOD), "warning": ("警告", "warning", FAIR),
              "error": ("严重", "error", BAD)}
TYPES = {"government": ("国家机关", "government"), "education": ("教育", "education"),
         "science": ("科技", "science"), "culture": ("文化", "culture"), "health": ("卫生", "health"),
         "sport": ("体育", "sport"), "other_institution": ("其他事业单位", "other institutions"),
         "association": ("团体组织", "associations")}
CARRIERS = {"electricity": ("电", "electricity", "kWh"), "water": ("水", "water", "m³"),
            "natural_gas": ("天然气", "natural gas", "m³"), "heat": ("热力", "heat", "GJ"),
            "cooling": ("冷量", "cooling", "GJ"), "coal": ("煤", "coal", "kg"), "petrol": ("汽油", "petrol", "L"),
            "diesel": ("柴油", "diesel", "L"), "lpg": ("液化石油气", "LPG", "kg"), "other": ("其他", "other", "kg")}


def codes(known):
    """A mapping of codes to words; a third word is a colour."""
    def shown(index, words):
        one = {"index": index, "text": Text(*words[:2])}
        return one | {"color": words[2]} if words[2:] else one
    return [{"type": "value", "options": {code: shown(i, words) for i, (code, words) in enumerate(known.items())}}]


def kind():
    return override("kind", displayName=Text("类别", "Kind"), mappings=codes(KINDS))


def severity():
    return override("severity", displayName=Text("级别", "Severity"), mappings=codes(SEVERITIES),
                    custom={"cellOptions": {"type": "color-text"}})


def type_of_institution():
    return override("type", displayName=Text("类型", "Type"), mappings=codes(TYPES))


def carrier():
    return override("carrier", displayName=Text("能源品种", "Carrier"),
                    mappings=codes({code: words[:2] for code, words in CARRIERS.items()}))


def carriers_with_units(links):
    """Series that are called by their carriers."""
    return [override(code, displayName=Text(f"{zh}（{unit}）", f"{en} ({unit})"), links=links)
            for code, (zh, en, unit) in CARRIERS.items()]
