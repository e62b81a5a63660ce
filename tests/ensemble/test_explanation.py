from __future__ import annotations

import json

import pytest

from embedreg.ensemble import Explanation, MemberScore


@pytest.fixture
def explanation() -> Explanation:
    members = [
        MemberScore("ridge on text", "text", "ridge", 0.5, 2.0, 0.75, 0.1),
        MemberScore("trees", "features", "xgboost", 0.4, 3.0, 0.0, 1.5),
    ]
    return Explanation("fast", 100, 5, 80, 70, 0.55, 1.9, members, {"gaussian process": "more than 50 rows"})


def test_the_table_has_every_member_their_mean_and_what_was_left_out(explanation):
    lines = str(explanation).splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == ["ridge on text", "trees", "their weighted mean"]
    assert "0.75" in lines[1]
    assert "0.550" in lines[3]
    assert "80 rows in 70 groups" in lines[4]
    assert lines[5] == "not tried: gaussian process (more than 50 rows)"


def test_the_columns_of_the_table_stand_below_each_other(explanation):
    heading, *rows = str(explanation).splitlines()[:4]
    end_of_error = heading.index("RMSE") + len("RMSE")
    for row in rows:
        assert row[end_of_error - 1].isdigit()
        assert row[end_of_error : end_of_error + 1].strip() == ""


def test_json_round_trip(explanation):
    assert Explanation.from_json(json.loads(json.dumps(explanation.to_json()))) == explanation
