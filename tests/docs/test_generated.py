"""What the reference takes from the code: every field has one meaning, and the JSON Schema accepts real results."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from tlsearch.config import RunConfig
from tlsearch.results.result import RunResult

DOCS = Path(__file__).parents[2] / "docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()
RECORDS: dict[str, type] = generate.find_records()


def test_the_records_are_all_there() -> None:
    assert {"RunResult", "TrialSpec", "Finding", "Difference", "Mistake"} <= set(RECORDS)
    assert next(iter(RECORDS)) == "RunResult"


@pytest.mark.parametrize("name", list(RECORDS))
def test_every_field_has_one_meaning(name: str) -> None:
    record = RECORDS[name]
    names = {field.name for field in fields(record)}
    written, in_code = set(generate.read_meanings().get(name, {})) - {"_about"}, set(generate.meanings_in_code(record))
    assert written & in_code == set()
    assert written | in_code == names
    assert generate.about(record)


def test_meanings_are_of_records_that_there_are() -> None:
    assert set(generate.read_meanings()) <= set(RECORDS)


def test_a_field_may_be_explained_in_the_code() -> None:
    class Example:
        """A record.

        Attributes:
            first: What it is,
                in two lines.
            second (int): Another.
        """

        first: int
        second: int
        third: int
        """Below the field."""

    assert generate.meanings_in_code(Example) == {
        "first": "What it is, in two lines.",
        "second": "Another.",
        "third": "Below the field.",
    }


def test_the_table_of_the_configuration_has_a_line_for_each_field() -> None:
    lines = generate.configuration_table().splitlines()[2:]
    assert [line.split("`")[1] for line in lines] == [field.name for field in fields(RunConfig)]
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == 5
        assert all(cells)


def test_the_schema_accepts_a_result_and_refuses_a_damaged_one(sample: RunResult) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = generate.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    values = sample.to_dict()
    assert list(judge.iter_errors(values)) == []
    assert list(judge.iter_errors({**values, "a_new_key": 1})) == []
    metrics = {**values["metrics"], "test": "high"}
    assert [list(error.path) for error in judge.iter_errors({**values, "metrics": metrics})] == [["metrics", "test"]]
    del values["winner"]
    assert len(list(judge.iter_errors(values))) == 1
