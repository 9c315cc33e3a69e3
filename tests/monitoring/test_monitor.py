"""``tlsearch monitor``: it stays silent on pictures like the training images, and says what is wrong with others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import tlsearch
from tests.helpers.models.doubting_model import colours, write_model, write_pictures
from tlsearch.cli.main import cli
from tlsearch.errors import UsageError
from tlsearch.monitoring.monitor import EXAMPLES, SAMPLE, Seen, judge, look
from tlsearch.reporter import SilentReporter

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FOREIGN = np.array([[150, 150, 20], [160, 20, 155], [30, 150, 150]])


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("run") / "model")


def monitored(model_dir: Path, folder: Path) -> tlsearch.MonitorReport:
    return tlsearch.monitor(model_dir, folder, SilentReporter())


def test_pictures_like_the_training_images_raise_no_alarm(model_dir: Path, tmp_path: Path) -> None:
    found = monitored(model_dir, write_pictures(tmp_path / "new", colours(120, 1)))
    assert found.applies
    assert (found.pictures, found.unread) == (120, 0)
    assert found.sentence == (
        "The model's figures still apply to these 120 pictures: nothing sets them apart from the training images."
    )
    assert found.unlike.expected == 0.01
    assert min(found.unlike.p_value, found.features.p_value, found.classes.p_value) > 0.01
    assert found.not_sure is not None
    assert found.coverage == 0.9


def test_foreign_pictures_are_found(model_dir: Path, tmp_path: Path) -> None:
    mixed = np.concatenate([colours(60, 2), FOREIGN.repeat(10, axis=0)])
    found = monitored(model_dir, write_pictures(tmp_path / "new", mixed))
    assert not found.applies
    assert 30 <= found.unlike.count <= 34
    assert found.unlike.p_value < 1e-6
    assert len(found.unlike.examples) == EXAMPLES
    assert all(int(Path(name).stem) >= 60 for name in found.unlike.examples)
    assert found.sentence.startswith("The model's figures do not apply to these 90 pictures: 3")
    assert "are unlike the training images, where 1.0 % are to be expected" in found.sentence


def test_other_shares_of_classes_are_told_apart_from_other_pictures(model_dir: Path) -> None:
    predictor = tlsearch.load(model_dir)
    reference = predictor.reference
    assert reference is not None
    same = Seen(distances=[0.0] * 60, classes=[0] * 60, sample=list(reference.sample[:60]))
    found = judge(predictor.labels, reference, same)
    assert not found.applies
    assert found.classes.p_value < 1e-6
    assert found.sentence.startswith("The model's overall figures do not apply to these 60 pictures, those of each")
    assert found.shares[0].label == "red"
    assert found.shares[0].now == 1
    assert found.not_sure is None


def test_the_order_and_the_number_of_pictures_decide_nothing_but_the_sample(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlsearch.monitoring.monitor.SAMPLE", 20)
    assert SAMPLE == 1000
    predictor = tlsearch.load(model_dir)
    seen = look(predictor, [write_pictures(tmp_path / "new", colours(70, 3))], SilentReporter())
    assert (len(seen.sample), len(seen.distances), len(seen.classes)) == (20, 70, 70)
    assert len({vector.tobytes() for vector in seen.sample}) == 20


def test_few_pictures_are_said_to_be_few(model_dir: Path, tmp_path: Path) -> None:
    found = monitored(model_dir, write_pictures(tmp_path / "new", colours(12, 4)))
    assert (found.applies, found.too_few) == (True, False)
    assert found.sentence.endswith("but so few pictures show large differences only.")
    one = monitored(model_dir, write_pictures(tmp_path / "one", colours(1, 4)))
    assert one.sentence.startswith("Too few to tell whether the model's figures still apply to this picture: name at l")
    assert (one.applies, one.too_few) == (True, True)
    foreign = monitored(model_dir, write_pictures(tmp_path / "foreign", FOREIGN))
    assert foreign.sentence.startswith("The model's figures do not apply to these 3 pictures")
    assert (foreign.applies, foreign.too_few) == (False, False)


def test_a_model_without_reference_images_is_refused(tmp_path: Path) -> None:
    old = write_model(tmp_path / "old", reference=False)
    pictures = write_pictures(tmp_path / "new", colours(2, 4))
    with pytest.raises(UsageError, match=r"holds no reference\.npz .* run again"):
        monitored(old, pictures)


def test_pictures_of_which_none_can_be_read_are_refused(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"No picture can be read, beginning with .*bad\.png \(.+\): name others"):
        monitored(model_dir, tmp_path / "bad.png")


def test_one_folder_of_several_that_does_not_exist_is_not_left_out(model_dir: Path, tmp_path: Path) -> None:
    there = write_pictures(tmp_path / "new", colours(12, 4))
    refused = invoke(model_dir, there, tmp_path / "nwe")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == f"error: {tmp_path / 'nwe'} does not exist: name an image file or a folder of images.\n"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["monitor", *map(str, arguments)])


def test_the_exit_code_says_whether_the_figures_apply(model_dir: Path, tmp_path: Path) -> None:
    like = write_pictures(tmp_path / "like", colours(60, 5))
    foreign = write_pictures(tmp_path / "foreign", FOREIGN.repeat(8, axis=0))
    assert invoke(model_dir, like).exit_code == 0
    assert invoke(model_dir, foreign).exit_code == 1
    assert invoke(tmp_path, like).exit_code == 2


def test_the_table_and_json_say_the_same(model_dir: Path, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "new", np.concatenate([colours(50, 6), FOREIGN.repeat(3, axis=0)]))
    (pictures / "broken.png").write_bytes(b"no picture")
    table, plain = invoke(model_dir, pictures), invoke(model_dir, pictures, "--format", "json")
    found = json.loads(plain.stdout)
    assert (found["pictures"], found["unread"], found["applies"]) == (59, 1, False)
    assert found["sentence"] in " ".join(table.stdout.split())
    assert "59 (1 not read)" in table.stdout
    assert f"{found['unlike']['count']}" in table.stdout
    assert {share["label"] for share in found["shares"]} == {"red", "green", "blue"}
    assert "left to a person (coverage 0.9)" in table.stdout
