"""The model card: what a stranger must know of a model before using it, as Hugging Face's hub reads it.

The block of YAML at the top is that of the hub's model cards (huggingface.co/docs/hub/model-cards): licence, library,
task, tags, and ``model-index`` with the figures on test. Texts in it are written as JSON, which is YAML too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tlsearch.config import USUAL_METRIC
from tlsearch.errors import PluginError, UsageError
from tlsearch.export.place import file_hash, run_of
from tlsearch.export.proof import Proof
from tlsearch.export.words import proof_table
from tlsearch.plugins import registry
from tlsearch.plugins.api import NamedWeights, WeightSource
from tlsearch.plugins.trained.store import sources_for
from tlsearch.predictor import MODEL_FILE
from tlsearch.report import text as words
from tlsearch.report.markdown import model_table, plain_text
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.fair import no_claim
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult, read_result
from tlsearch.results.schema import Baseline
from tlsearch.utils import serialize
from tlsearch.utils.files import write_atomically
from tlsearch.utils.units import counted

CARD_FILE = "README.md"
"""The name by which the hub shows a card."""

MARK = "<!-- Written by tlsearch; it writes this page anew as long as this line is here. -->"

LICENCE_FILES = ("LICENSE", "LICENCE", "COPYING", "README")
"""Files beside images, with any ending, that may say under which licence they are."""

NOT_KNOWN = "tlsearch does not know it"


def card_of(model_dir: Path, proofs: Sequence[Proof] = ()) -> str:
    """Write the card of the winner of a run, or of a network from scratch, with the proofs of exported files if any.

    Raises:
        UsageError: The folder is not such a model of a finished run, whose figures a card needs.
    """
    run = run_of(model_dir)
    if run is None:
        raise UsageError(f"{model_dir} is in no output folder of a run, whose figures a card needs: name one that is.")
    result, name = read_result(run), model_dir.absolute().name
    alone = _networks_from_scratch(result).get(name)
    if alone is None and name != "model":
        raise UsageError(
            f"A card has the figures of the winner or of a network from scratch, and {model_dir} holds another model: "
            f"name {run / 'model'}."
        )
    return "\n".join([*_head(result, alone), MARK, "", *_body(result, alone, proofs)]) + "\n"


def _networks_from_scratch(result: RunResult) -> dict[str, Baseline]:
    """The networks from scratch by their folders."""
    found = {f"scratch-{network.architecture}": network for network in result.from_scratch}
    return found if result.baseline is None else {**found, "baseline": result.baseline}


def write_card(model_dir: Path, folder: Path, reporter: Reporter) -> Path | None:
    """Write the card into the folder of exported files, with the proofs of all files of this model there.

    Gives None, and says why, where there is no card: for a model that is not the winner of a run, where a page of
    somebody else has its name, and where it cannot be written.
    """
    target = folder / CARD_FILE
    try:
        text = card_of(model_dir, proofs_in(folder, file_hash(model_dir / MODEL_FILE)))
    except UsageError as error:
        reporter.warn(f"there is no model card: {str(error).rstrip('.')}")
        return None
    if target.exists() and MARK not in target.read_text(encoding="utf-8", errors="replace"):
        reporter.warn(f"{target} is not by tlsearch and stays as it is: --card prints the model card")
        return None
    try:
        write_atomically(target, text)
    except OSError as error:  # the files are there, each with its proof
        reporter.warn(f"there is no model card: {target} cannot be written ({error.strerror or error})")
        return None
    return target


def proofs_in(folder: Path, model: str) -> tuple[Proof, ...]:
    """Read the proofs in a folder whose files are there and were made of the model with this hash."""
    found = []
    for path in sorted(folder.glob("*.proof.json")):
        try:
            proof = serialize.STRICT.decode(Proof, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # a file of another program, or of another version
            continue
        if proof.model == model and (folder / proof.file).exists():
            found.append(proof)
    return tuple(found)


def _head(result: RunResult, alone: Baseline | None) -> Iterator[str]:
    """The block of YAML; ``alone`` is the network from scratch where the card is of one."""
    metrics, name = result.metrics, Path(result.dataset.path).name or result.dataset.path
    network = result.winner.backbone if alone is None else alone.architecture
    yield from ("---", "license: other", "license_name: see-below", "library_name: keras")
    yield from ("pipeline_tag: image-classification", "tags:", "- image-classification")
    yield from (*(["- transfer-learning"] if alone is None else []), f"- {_yaml(network)}")
    yield from ("- tlsearch", "model-index:", f"- name: {_yaml(f'{name}-{network}')}", "  results:")
    yield from ("  - task:", "      type: image-classification", "    dataset:", f"      name: {_yaml(name)}")
    yield from ("      type: imagefolder", "      split: test", "    metrics:")
    tested = metrics if alone is None else alone
    shown = {metrics.name: (tested.test, tested.test_ci95)}
    if alone is None and metrics.test_accuracy is not None and metrics.test_accuracy_ci95 is not None:
        shown.setdefault(USUAL_METRIC, (metrics.test_accuracy, metrics.test_accuracy_ci95))
    for metric, (value, (low, high)) in shown.items():
        label = f"{words.metric_name(metric)}, 95 % interval {low:.3f} to {high:.3f}"
        yield from (f"    - type: {_yaml(metric)}", f"      value: {value:.4f}", f"      name: {_yaml(label)}")
    yield "---"


def _body(result: RunResult, alone: Baseline | None, proofs: Sequence[Proof]) -> Iterator[str]:
    data, label = result.dataset, result.winner.label if alone is None else f"{alone.architecture} from scratch"
    yield from (f"# {plain_text(Path(data.path).name)}: an image classifier", "", f"{label}.", "")
    yield f"It tells {len(data.classes)} classes apart: {', '.join(map(plain_text, data.classes))}."
    yield from ("", "## Figures", "")
    yield from model_table(result)
    yield from ("", *(f"- {line}" for line in words.gain_lines(result.gain, no_claim(result))))
    verdict = result.verdict or verdict_of(result)
    yield f"- {verdict.pretraining_said} {verdict.pretraining_evidence}".rstrip()
    yield f"- {verdict.search_said} {verdict.search_evidence}".rstrip()
    yield from ("", "## Data", "", *_data(result), "", "## Method", "", *_method(result, alone))
    yield from ("", "## Limits", "", *(f"- {limit}" for limit in _limits(result)))
    if proofs:
        yield from ("", "## Files", "", *proof_table(proofs))
    yield from ("", "## Licences", "", *(f"- {line}" for line in _licences(result, alone)))
    yield from ("", "## How to make it again", "", "```sh", result.command, "```", "")
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in result.versions.items()) + "."


def _data(result: RunResult) -> Iterator[str]:
    data = result.dataset
    counts = {part: data.total(part) for part in ("train", "val", "test")}
    names = {"train": "training", "val": "validation", "test": "testing"}
    parts = ", ".join(f"{count:,} for {names[part]}" for part, count in counts.items() if count)
    yield f"{sum(counts.values()):,} images: {parts}. Fingerprint `{data.fingerprint}`."
    yield from ("", "| class | " + " | ".join(names.values()) + " |", "|---|---|---|---|")
    for name in data.classes:
        cells = " | ".join(f"{data.counts.get(part, {}).get(name, 0):,}" for part in names)
        yield f"| {plain_text(name)} | {cells} |"


def _method(result: RunResult, alone: Baseline | None) -> Iterator[str]:
    tested, folds = words.tested(result.metrics.test_opened), result.plan.folds
    if alone is not None:
        trained = counted(alone.epochs, "epoch")
        yield f"The network {alone.architecture}, trained from random values in {trained}, and {tested}."
        return
    winner, tried = result.winner, sum(row.role == "trial" for row in result.trials)
    kept = f"the first {winner.freeze_depth} of {winner.spec.depth} cut points stay as they were pre-trained"
    augmented = "not augmented" if winner.augmentation == "none" else f"augmented by {winner.augmentation}"
    yield (
        f"The network {winner.backbone} with the weights {winner.weights or 'none'}; {kept}. "
        f"The head is {winner.head}. Training images were {augmented}."
    )
    yield ""
    unseen = "images that no trial was trained on"
    if folds > 1:  # each image is in the training part of the other folds
        unseen = "folds of the training images, each by a model that had not been trained on it"
    metric = words.metric_name(result.metrics.name)
    yield (
        f"It was chosen among {counted(tried, 'trial')} by its {metric} on {unseen}, and {tested}. "
        f"Images are squares of {winner.spec.image_size} pixels."
    )


def _limits(result: RunResult) -> Iterator[str]:
    data = result.dataset
    yield "It knows no other classes, and gives one of its own for every picture, whatever is in it."
    yield "The figures hold for pictures that come from where the test images came from, and for no others."
    yield f"There are {data.total('test'):,} test images; the intervals say how far the figures are certain."
    times = result.metrics.test_opened or 1
    if times > 1:
        yield f"The test set has been opened {times} times. Each look at it makes the figures more optimistic."
    messages = (plain_text(finding.message) for finding in data.findings)
    yield from (f"{message[0].upper()}{message[1:]}." for message in messages)


def _licences(result: RunResult, alone: Baseline | None) -> Iterator[str]:
    winner = result.winner
    if alone is None:
        yield f"Weights that training began with ({winner.backbone}@{winner.weights}): {_weights_licence(result)}."
    else:
        yield "Weights that training began with: none, for it was trained from random values."
    folder = Path(result.dataset.path)
    names = _licence_files(folder.iterdir()) if folder.is_dir() else []
    hint = f"; see {', '.join(names)} beside the images" if names else "; ask whoever made the images"
    yield f"Images: {NOT_KNOWN}{hint}."
    sources = "both" if alone is None else "that of the images"
    yield f"The licence of this model follows from {sources}: write it into `license` above before you publish it."


def _licence_files(files: Iterable[Path]) -> list[str]:
    return sorted(file.name for file in files if file.is_file() and file.stem.upper() in LICENCE_FILES)


def _weights_licence(result: RunResult) -> str:
    """What the plugin says that brought the weights, or the provenance of those that were trained.

    Of a user's own file nothing is known, whatever its name: the plan does not say what it was trained on.
    """
    backbone, weights = result.winner.backbone, result.winner.weights
    if weights is None:
        return "none, for it was trained from random values"
    planned = (c for c in result.plan.candidates if (c.backbone, c.weights) == (backbone, weights))
    source: WeightSource | NamedWeights | None = None
    with suppress(PluginError):
        if any(candidate.trained_on for candidate in planned):
            source = {**sources_for(backbone), **registry.load_plugin("backbone", backbone).weights}.get(weights)
        else:
            source = registry.load_plugin("weights", f"{backbone}@{weights}")
    return NOT_KNOWN if source is None else f"{source.licence}; trained on {source.trained_on}"


def _yaml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
