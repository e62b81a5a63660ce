"""Studies as they are written in TOML."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedreg.core.errors import DataError, UsageError
from embedreg.study.grid import load_study, parse_study, presets

SPEC = (Path(__file__).parent / "small.toml").read_text()


def test_a_study_is_read_as_it_is_written() -> None:
    spec = parse_study(SPEC, "here")
    first, second = spec.blocks
    assert (spec.name, spec.description) == ("small", "two tasks, two representations")
    assert [r.name for r in first.representations] == ["plain", "lengths"]
    assert first.representations[1].settings == {
        "model": "LENGTHS",
        "numbers": "decimals:1",
        "dtype": "float32",
    }
    assert [(h.name, h.kind) for h in first.heads] == [
        ("ridge", "ridge"),
        ("short", "xgboost"),
        ("mean", "mean"),
    ]
    assert first.heads[1].make().max_rounds == 5
    assert (first.rows, first.seeds) == ((40,), (0, 1))
    assert spec.subject == "lengths"
    assert (second.rows, second.seeds) == ((40, 60), (0, 7))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name =", "nome =", r"key in here 'nome'.*did you mean 'name'"),
        ("rows = [40]", "", "without 'rows'"),
        ("rows = [40]", "rows = [5]", "at least 20"),
        ("rows = [40]", 'rows = ["many"]', "whole number"),
        ("rows = [40]", "rows = []", "rows = \\[\\] .*mend: rows = "),
        ("seeds = 2", "seeds = true", "whole number"),
        ("seeds = 2", "seeds = 0", "seeds = 0 .*at least 1.*mend: seeds = 3"),
        ("seeds = 2", "seeds = []", "mend: seeds = 3"),
        ("seeds = 2", "seeds = [-1]", "mend: seeds = 3"),
        ('kind = "tabular"', 'kind = "table"', "did you mean 'tabular'"),
        ('model = "LENGTHS"', 'modell = "LENGTHS"', "did you mean 'model'"),
        ('kind = "tabular"', 'kind = "tabular"\nlayers = 1', "'layers'"),
        ('kind = "xgboost"', 'kind = "xgbost"', "did you mean 'xgboost'"),
        ("max_rounds", "rounds", "'rounds'"),
        ("max_rounds = 5", "max_rounds = 0", "max_rounds=0 for head 'short' in here; expected at least 1"),
        ("max_rounds = 5", "max_depth = -1", "max_depth=-1 for head 'short' in here"),
        (
            "max_rounds = 5",
            'max_rounds = "few"',
            "'few'. for head 'short' in here: .*expected .*XGBoostHead takes",
        ),
        ("max_rounds = 5", 'target_transform = "log"', "target_transform='log' for head 'short'"),
        (
            "[heads.short]",
            "[heads.ridge]\npenalties = 0.1\n[heads.short]",
            "penalties=0.1 for head 'ridge' in here",
        ),
        ('["plain", "lengths"]', '["plane"]', "did you mean 'plain'"),
        ('heads = ["ridge"]', 'heads = ["rigde"]', "did you mean 'ridge'"),
        ('tasks = ["toy/*"]', "tasks = []", "a list of names"),
        ('name = "small"', 'name = "small"\nsubject = "plain"', "expected one of lengths"),
        ("dof = 3", "dog = 3", "did you mean 'dof'"),
        ("radii = [1.0, 2.0]", "radii = [0.0]", "positive numbers"),
        ("radii = [1.0, 2.0]", "radii = [1.0, inf]", "positive numbers"),
        ("radii = [1.0, 2.0]", "radii = [true]", "positive numbers"),
        ("samples = 5", "samples = 0", "samples = 0 in a profile of here; expected one .*, at least 2"),
        ("samples = 5", "samples = [3, 50]", "one whole number.*mend: write a ..profiles.. for each"),
        ("dof = 3", "dof = 0", "dof = 0 in a profile of here; expected one .*, at least 1"),
        ("dof = 3", "dof = [3, 100]", "one whole number.*mend: write a ..profiles.. for each"),
        ('representations = ["lengths"]', 'representations = ["plain"]', "an embedding"),
        ('name = "small"', "name = 5", "name = 5 in here; expected a text"),
        ('name = "small"', 'name = ""', "a text without slashes"),
        ('name = "small"', 'name = "../x"', "a text without slashes"),
        ('description = "two tasks, two representations"', "description = 3", "description = 3 in here"),
        ("seeds = [0, 7]", "seeds = [99999999999999999999]", "below 2.32"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, message: str) -> None:
    assert old in SPEC
    with pytest.raises(UsageError, match=message):
        parse_study(SPEC.replace(old, new), "here")


@pytest.mark.parametrize(
    ("what", "value", "heading"),
    [
        ("representations", "[]", r"\[representations.NAME\]"),
        ("representations", "{p = 3}", r"\[representations.NAME\]"),
        ("heads", "3", r"\[heads.NAME\]"),
        ("heads", "{ridge = 3}", r"\[heads.NAME\]"),
        ("blocks", "3", r"\[\[blocks\]\]"),
        ("blocks", "[3]", r"\[\[blocks\]\]"),
        ("profiles", "{dof = 3}", r"\[\[profiles\]\]"),
        ("profiles", "[3]", r"\[\[profiles\]\]"),
    ],
)
def test_what_is_no_table_is_refused(what: str, value: str, heading: str) -> None:
    given = {"name": '"s"', "representations": '{t = {kind = "tabular"}}', "blocks": "[]", what: value}
    text = "\n".join(f"{key} = {written}" for key, written in given.items())
    with pytest.raises(UsageError, match=rf"{what} = .* in here; expected tables, each under {heading}"):
        parse_study(text, "here")


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(DataError, match="no TOML.*to mend"):
        parse_study("name = ", "here")


def test_a_service_has_no_precision_of_its_own() -> None:
    spec = parse_study(
        'name = "s"\n[representations.e]\nmodel = "openai:m?base_url=http://here/v1"\n[[blocks]]\ntasks = ["bbob@5"]\n'
        'representations = ["e"]\nheads = ["ridge"]\nrows = [50]\nseeds = 1\n',
        "f.toml",
    )
    assert "dtype" not in spec.blocks[0].representations[0].settings


def test_every_preset_can_be_read() -> None:
    for name in presets():
        assert load_study(name).name == name


@pytest.mark.parametrize(
    ("spec", "message"), [("smoek", "did you mean 'smoke'"), ("./none.toml", "no such file")]
)
def test_a_study_that_is_not_there_is_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_study(spec)


def test_a_file_is_read(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC)
    assert load_study(path).name == "small"
    path.write_bytes(b"\xff")
    with pytest.raises(DataError, match="UTF-8"):
        load_study(path)
