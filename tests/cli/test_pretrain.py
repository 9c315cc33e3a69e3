"""``tlsearch pretrain`` and the files of its weights, as a user types them: what is asked for, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers.models.trained import trained_record
from tlsearch.cli.main import cli
from tlsearch.plugins.trained import store
from tlsearch.pretrain_config import PretrainConfig


def tlsearch(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[PretrainConfig]:
    """What is asked for; nothing is trained."""
    kept: list[PretrainConfig] = []
    monkeypatch.setattr("tlsearch.pipeline.pretrain.pretrain", lambda config, reporter: kept.append(config))
    return kept


@pytest.mark.parametrize(
    ("options", "backbones", "weights"),
    [
        ((), ("vgg16",), ()),
        (("--weights", "imagenet"), ("vgg16@imagenet",), ()),
        (("--weights", "first.weights.h5"), ("vgg16",), ("vgg16=first.weights.h5",)),
    ],
)
def test_it_begins_with_random_values_named_weights_or_a_file(
    asked: list[PretrainConfig], options: tuple[str, ...], backbones: tuple[str, ...], weights: tuple[str, ...]
) -> None:
    Path("first.weights.h5").touch()
    result = tlsearch("pretrain", "vgg16", "images", "--name", "mine", "--epochs", "2", "--licence", "CC0", *options)
    assert result.exit_code == 0, result.output
    (config,) = asked
    assert (config.backbones, config.weights) == (backbones, weights)
    assert (config.name, config.licence, config.epochs, config.dataset) == ("mine", "CC0", 2, Path("images"))
    assert config.augment == ()


def test_an_interrupted_training_goes_on_with_what_it_was_asked_for(
    asked: list[PretrainConfig], tmp_path: Path
) -> None:
    first = PretrainConfig(dataset=tmp_path / "images", backbones=("vgg16",), name="mine", augment=("none",), seed=3)
    (tmp_path / "out").mkdir()
    (tmp_path / "images").mkdir()
    first.to_toml(tmp_path / "out" / "pretrain.toml")
    assert tlsearch("resume", "out").exit_code == 0
    (config,) = asked
    assert (config.with_output(Path("x")), config.output) == (first.with_output(Path("x")), Path("out"))
    (tmp_path / "images").rename(tmp_path / "moved")
    gone = tlsearch("resume", "out")
    assert gone.exit_code == 2
    assert "say where they are with `tlsearch resume out --dataset FOLDER`" in gone.stderr
    assert tlsearch("resume", "out", "--dataset", tmp_path / "moved").exit_code == 0
    assert asked[1].dataset == tmp_path / "moved"
    refused = tlsearch("resume", "out", "--workers", "2")
    assert refused.exit_code == 2
    assert "--workers is for a run, and this is the training of weights: leave it out." in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vgg16", "images"), "--name"),
        (("vgg16@imagenet", "images", "--name", "x", "--weights", "imagenet"), "leave one out"),
        (("vgg16", "images", "--name", "x", "--weights", "no/such.h5"), "no/such.h5 is no file: give an existing file"),
        (("vgg16", "images", "--name", "a b"), "--name is 'a b', but it must be"),
        (("vgg*", "images", "--name", "x"), "one network is needed: give the name of one backbone"),
    ],
)
def test_mistakes_end_in_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    result = tlsearch("pretrain", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_trained_weights_are_listed_exported_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "trained.weights.h5"
    file.write_bytes(b"arrays")
    store.install(trained_record(file, backbone="vgg16"), file)
    listed = tlsearch("weights", "list").stdout
    (row,) = [line for line in listed.splitlines() if line.startswith("vgg16@stripes")]
    assert "1,200 images of 3 classes" in row
    assert "CC0" in row
    exported = tlsearch("weights", "export", "vgg16@stripes")
    assert exported.exit_code == 0, exported.output
    assert Path("vgg16@stripes.tlweights").is_file()
    store.file_of("vgg16@stripes").write_bytes(b"other arrays")
    (row,) = [line for line in tlsearch("weights", "list").stdout.splitlines() if line.startswith("vgg16@stripes")]
    assert row.split(maxsplit=1)[1].strip() == "damaged; `tlsearch weights remove vgg16@stripes`"
    nothing = tlsearch("weights", "fetch", "vgg16@stripes")
    assert nothing.exit_code == 2
    assert "was trained and is on this machine: there is nothing to fetch" in nothing.stderr
    assert tlsearch("weights", "remove", "vgg16@stripes").exit_code == 0
    assert "vgg16@stripes" not in tlsearch("weights", "list").stdout
    missing = tlsearch("weights", "export", "vgg16@stripes")
    assert missing.exit_code == 2
    assert "There are no trained weights 'vgg16@stripes'" in missing.stderr
