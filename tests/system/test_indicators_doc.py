# SPDX-License-Identifier: Apache-2.0
"""docs/indicators.md: every sum in the table gives the result beside it (that the server gives it too is
shown by tests/unit/test_indicators_doc.c)."""
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "indicators.md"
ROWS = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| (-?[\d.]+) \|", PAGE.read_text(encoding="utf-8"), re.M)


def test_the_table_is_found():
    assert len(ROWS) > 40


@pytest.mark.parametrize("name,by_hand,result", ROWS, ids=[row[0] for row in ROWS])
def test_a_sum_gives_its_result(name, by_hand, result):
    assert re.fullmatch(r"[\d.+\-*/() ]+", by_hand), "numbers and signs alone"
    value = eval(by_hand)  # of numbers and signs
    assert float(result) == pytest.approx(value, abs=6e-7, rel=1e-12), name
