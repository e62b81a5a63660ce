from __future__ import annotations

import json

import pytest

from embedreg.core.errors import UsageError
from embedreg.ensemble import EFFORTS, KINDS, MEMBERS, Member, members_of
from embedreg.ensemble._representations import REPRESENTATIONS
from embedreg.heads import HEADS


def test_every_member_names_a_representation_a_head_and_an_effort():
    assert len({member.name for member in MEMBERS}) == len(MEMBERS)
    for member in MEMBERS:
        assert member.representation in REPRESENTATIONS
        assert member.head in HEADS
        assert member.effort in EFFORTS
        assert member.kind in KINDS
        assert type(member.make(3, columns=10)) is HEADS[member.head]


def test_more_effort_tries_all_that_less_effort_tries():
    for kinds in (KINDS, ("tabular",), ("embedding",)):
        fast, balanced, best = ({m.name for m in members_of(effort, kinds)} for effort in EFFORTS)
        assert fast <= balanced <= best
        assert fast


def test_every_kind_has_a_member_for_many_rows_and_columns_and_for_weights():
    for kind in KINDS:
        members = members_of("fast", (kind,))
        assert any(m.most_rows is None and m.most_columns is None and m.takes_weights for m in members)


def test_an_unknown_effort_is_refused():
    with pytest.raises(UsageError, match="did you mean 'fast'"):
        members_of("fats")


def test_json_gives_a_member_that_makes_the_same_head():
    for member in MEMBERS:
        loaded = Member(**json.loads(json.dumps(member.to_json())))
        assert json.dumps(loaded.to_json()) == json.dumps(member.to_json())
        assert type(loaded.make(1, 10)) is type(member.make(1, 10))


def test_a_member_that_is_random_takes_the_seed():
    random = [m for m in MEMBERS if "random_state" in m.make(0, 10).get_params()]
    assert random
    assert all(m.make(17, 10).get_params()["random_state"] == 17 for m in random)


def test_boosted_trees_of_many_columns_have_fewer_bins_and_of_still_more_less_depth():
    for member in (m for m in MEMBERS if m.wide_settings):
        few, many, more = (member.make(0, columns).get_params() for columns in (100, 400, 401))
        assert few.pop("max_bin") > many.pop("max_bin") == more.pop("max_bin")
        assert few == many
        assert many.pop("max_depth") >= more.pop("max_depth")
        assert many == more
