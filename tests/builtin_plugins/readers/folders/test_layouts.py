"""How trees of folders are read: one table of trees as people have them, each with what it must give."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tlsearch.data.survey import scan
from tlsearch.errors import DataError, UsageError
from tlsearch.folders.walk import files_of
from tlsearch.plugin_api import Reading, ReadingOptions
from tlsearch_plugins.readers.folders.reader import FolderReader

CAT_DOG = ("cat", "dog")


def plant(root: Path, folders: Iterable[str], per_folder: int = 2) -> Path:
    """Folders with files that are called like images, or, where a path ends in a file's name, that file."""
    for folder in folders:
        path = root / folder
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("notes")
            continue
        path.mkdir(parents=True, exist_ok=True)
        for number in range(per_folder):
            (path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    return root


def read(root: Path, layout: str = "auto", **options: object) -> Reading:
    return FolderReader().read(str(root), ReadingOptions(layout=layout, **options))  # type: ignore[arg-type]


def summary(reading: Reading) -> dict[str, str]:
    """For each folder with images that is used: ``label``, ``split:label`` or ``fold/label``."""
    found = {}
    for item in reading.items:
        (label,) = item.labels
        fold = f"{item.fold}/" if item.fold else ""
        found[item.path.rpartition("/")[0]] = f"{item.split}:{label}" if item.split else fold + label
    return found


TREES: dict[str, tuple[str, dict[str, str]]] = {
    # Classes
    "class folders": ("cat dog", {"cat": "cat", "dog": "dog"}),
    "folders within a class": ("cat/young cat/old dog", {"cat/young": "cat", "cat/old": "cat", "dog": "dog"}),
    "pictures and folders in a class": (
        "cat cat/more dog dog/more",
        {"cat": "cat", "cat/more": "cat", "dog": "dog", "dog/more": "dog"},
    ),
    "a class in a folder of its own": ("cat/images dog/images", {"cat/images": "cat", "dog/images": "dog"}),
    "patients within classes": (
        "ill/patient_1 ill/patient_2 well/patient_3 well/patient_4",
        {"ill/patient_1": "ill", "ill/patient_2": "ill", "well/patient_3": "well", "well/patient_4": "well"},
    ),
    "dates within classes": (
        "rust/2021-05 rust/2021-06 scab/2021-05 scab/2021-06",
        {"rust/2021-05": "rust", "rust/2021-06": "rust", "scab/2021-05": "scab", "scab/2021-06": "scab"},
    ),
    "a class called train": ("bus train", {"bus": "bus", "train": "train"}),
    "names with split words in them": (
        "test_tube beaker train_car",
        {"test_tube": "test_tube", "beaker": "beaker", "train_car": "train_car"},
    ),
    "masks that are worn": ("with_mask without_mask", {"with_mask": "with_mask", "without_mask": "without_mask"}),
    "mask beside no mask": ("mask no_mask", {"mask": "mask", "no_mask": "no_mask"}),
    "digits": ("0 1 2", {"0": "0", "1": "1", "2": "2"}),
    "patients, one class each": (
        "patient00/cat patient01/dog patient02/cat",
        {"patient00/cat": "cat", "patient01/dog": "dog", "patient02/cat": "cat"},
    ),
    "sites, one class each": ("site0/cat site1/dog", {"site0/cat": "cat", "site1/dog": "dog"}),
    "patients within splits, one class each": (
        "train/patient00/cat train/patient01/dog test/patient06/cat test/patient07/dog",
        {
            "train/patient00/cat": "train:cat",
            "train/patient01/dog": "train:dog",
            "test/patient06/cat": "test:cat",
            "test/patient07/dog": "test:dog",
        },
    ),
    "a single patient in test": (
        "train/patient00/cat train/patient01/dog test/patient06/cat",
        {"train/patient00/cat": "train:cat", "train/patient01/dog": "train:dog", "test/patient06/cat": "test:cat"},
    ),
    "parts of a download": (
        "cat-20240105T101112Z-001/cat cat-20240105T101112Z-002/cat dog-20240105T101113Z-001/dog",
        {
            "cat-20240105T101112Z-001/cat": "cat",
            "cat-20240105T101112Z-002/cat": "cat",
            "dog-20240105T101113Z-001/dog": "dog",
        },
    ),
    "classes in two cases": ("cat Cat dog", {"cat": "cat", "Cat": "Cat", "dog": "dog"}),
    "a mask that is worn": ("mask face", {"mask": "mask", "face": "face"}),
    "classes called batch": ("batch1 batch2", {"batch1": "batch1", "batch2": "batch2"}),
    "documents beside": ("cat dog docs/readme.txt labels.csv", {"cat": "cat", "dog": "dog"}),
    # One folder too many
    "wrapped": ("archive/cat archive/dog", {"cat": "cat", "dog": "dog"}),
    "wrapped three times": ("a/b/c/cat a/b/c/dog", {"cat": "cat", "dog": "dog"}),
    "wrapped beside notes": ("data/cat data/dog README.md docs/a.txt", {"cat": "cat", "dog": "dog"}),
    "wrapped in the name of a class": ("animals/cat animals/dog", {"cat": "cat", "dog": "dog"}),
    "wrapped splits": (
        "archive/train/cat archive/train/dog archive/test/cat archive/test/dog",
        {
            "train/cat": "train:cat",
            "train/dog": "train:dog",
            "test/cat": "test:cat",
            "test/dog": "test:dog",
        },
    ),
    # Splits
    "train only": ("train/cat train/dog", {"train/cat": "train:cat", "train/dog": "train:dog"}),
    "train, val, test": (
        "train/a train/b val/a val/b test/a test/b",
        {f"{s}/{c}": f"{s}:{c}" for s in ("train", "val", "test") for c in "ab"},
    ),
    "other words": (
        "Training/a Training/b VALIDATION/a VALIDATION/b Testing/a Testing/b",
        {
            f"{s}/{c}": f"{p}:{c}"
            for s, p in (("Training", "train"), ("VALIDATION", "val"), ("Testing", "test"))
            for c in "ab"
        },
    ),
    "parts of names": (
        "training_set/training_set/cat training_set/training_set/dog test_set/test_set/cat test_set/test_set/dog",
        {
            "training_set/training_set/cat": "train:cat",
            "training_set/training_set/dog": "train:dog",
            "test_set/test_set/cat": "test:cat",
            "test_set/test_set/dog": "test:dog",
        },
    ),
    "a name before the part": (
        "seg_train/seg_train/a seg_train/seg_train/b seg_test/seg_test/a seg_test/seg_test/b seg_pred/seg_pred",
        {
            "seg_train/seg_train/a": "train:a",
            "seg_train/seg_train/b": "train:b",
            "seg_test/seg_test/a": "test:a",
            "seg_test/seg_test/b": "test:b",
        },
    ),
    "camels and numbers": (
        "TrainImages2017/a TrainImages2017/b ValImages2017/a ValImages2017/b",
        {
            "TrainImages2017/a": "train:a",
            "TrainImages2017/b": "train:b",
            "ValImages2017/a": "val:a",
            "ValImages2017/b": "val:b",
        },
    ),
    "flowers-train beside flowers-test": (
        "flowers-train/a flowers-train/b flowers-test/a flowers-test/b",
        {
            "flowers-train/a": "train:a",
            "flowers-train/b": "train:b",
            "flowers-test/a": "test:a",
            "flowers-test/b": "test:b",
        },
    ),
    "training and validation in one": (
        "trainval/a trainval/b test/a test/b",
        {"trainval/a": "train:a", "trainval/b": "train:b", "test/a": "test:a", "test/b": "test:b"},
    ),
    "a folder within the training folder": (
        "train/images/a train/images/b test/images/a test/images/b",
        {
            "train/images/a": "train:a",
            "train/images/b": "train:b",
            "test/images/a": "test:a",
            "test/images/b": "test:b",
        },
    ),
    "a test folder among the classes": (
        "cat dog test/cat test/dog",
        {"cat": "train:cat", "dog": "train:dog", "test/cat": "test:cat", "test/dog": "test:dog"},
    ),
    "a test folder beside a wrapper": (
        "images/cat images/dog test/cat test/dog",
        {"images/cat": "train:cat", "images/dog": "train:dog", "test/cat": "test:cat", "test/dog": "test:dog"},
    ),
    "vehicles with a test folder": (
        "bus train test/bus test/train",
        {"bus": "train:bus", "train": "train:train", "test/bus": "test:bus", "test/train": "test:train"},
    ),
    "a test folder without labels": (
        "train/a train/b test",
        {"train/a": "train:a", "train/b": "train:b"},
    ),
    "a test folder without labels, one folder deeper": (
        "train/a train/b test/test",
        {"train/a": "train:a", "train/b": "train:b"},
    ),
    "a test folder of unknown": ("train/a train/b test/unknown", {"train/a": "train:a", "train/b": "train:b"}),
    "images to predict beside classes": ("cat dog predictions", {"cat": "cat", "dog": "dog"}),
    "images to classify beside classes": ("cat dog to_classify unlabeled_images", {"cat": "cat", "dog": "dog"}),
    "images to predict beside splits": (
        "train/a train/b test/a test/b to_predict",
        {"train/a": "train:a", "train/b": "train:b", "test/a": "test:a", "test/b": "test:b"},
    ),
    "a class called unknown": ("cat dog unknown", {"cat": "cat", "dog": "dog", "unknown": "unknown"}),
    "a test folder that lacks a class": (
        "train/a train/b train/c test/a test/b",
        {"train/a": "train:a", "train/b": "train:b", "train/c": "train:c", "test/a": "test:a", "test/b": "test:b"},
    ),
    "classes in another case": (
        "train/Cat train/Dog test/cat test/dog",
        {"train/Cat": "train:Cat", "train/Dog": "train:Dog", "test/cat": "test:Cat", "test/dog": "test:Dog"},
    ),
    "classes in another form of Unicode": (
        "train/Ka\u0308fer train/dog test/K\u00e4fer test/dog",
        {
            "train/Ka\u0308fer": "train:K\u00e4fer",
            "train/dog": "train:dog",
            "test/K\u00e4fer": "test:K\u00e4fer",
            "test/dog": "test:dog",
        },
    ),
    "classes of signs in another case": (
        "train/c++ train/c# test/C++ test/C#",
        {"train/c++": "train:c++", "train/c#": "train:c#", "test/C++": "test:c++", "test/C#": "test:c#"},
    ),
    "something beside the splits": (
        "train/a train/b test/a test/b extra/a",
        {"train/a": "train:a", "train/b": "train:b", "test/a": "test:a", "test/b": "test:b"},
    ),
    # Splits within classes
    "splits within classes": (
        "cat/train cat/test dog/train dog/test",
        {"cat/train": "train:cat", "cat/test": "test:cat", "dog/train": "train:dog", "dog/test": "test:dog"},
    ),
    "splits within classes, wrapped": (
        "d/cat/train d/cat/val d/dog/train d/dog/val",
        {"cat/train": "train:cat", "cat/val": "val:cat", "dog/train": "train:dog", "dog/val": "val:dog"},
    ),
    "splits in the names of classes": (
        "cats_train cats_test dogs_train dogs_test",
        {"cats_train": "train:cats", "cats_test": "test:cats", "dogs_train": "train:dogs", "dogs_test": "test:dogs"},
    ),
    "test images of classes beside them": (
        "cat dog owl cat_test dog_test cat_val",
        {
            "cat": "train:cat",
            "dog": "train:dog",
            "owl": "train:owl",
            "cat_test": "test:cat",
            "dog_test": "test:dog",
            "cat_val": "val:cat",
        },
    ),
    "rock, paper, scissors": (
        "rps/rps/rock rps/rps/paper rps-test-set/rps-test-set/rock rps-test-set/rps-test-set/paper rps-validation",
        {
            "rps/rps/rock": "train:rock",
            "rps/rps/paper": "train:paper",
            "rps-test-set/rps-test-set/rock": "test:rock",
            "rps-test-set/rps-test-set/paper": "test:paper",
        },
    ),
    # Folds, pieces and twins
    "folds within training": (
        "train/fold0/a train/fold0/b train/fold1/a train/fold1/b test/a test/b",
        {
            **{f"train/fold{n}/{c}": f"train:{c}" for n in (0, 1) for c in "ab"},
            "test/a": "test:a",
            "test/b": "test:b",
        },
    ),
    "folds": (
        "fold1/cat fold1/dog fold2/cat fold2/dog fold3/cat fold3/dog",
        {f"fold{n}/{c}": f"fold{n}/{c}" for n in (1, 2, 3) for c in CAT_DOG},
    ),
    "folds beside masks": (
        "images/fold_1/a images/fold_1/b images/fold_2/a images/fold_2/b masks/fold_1/a masks/fold_2/a",
        {f"images/fold_{n}/{c}": f"fold_{n}/{c}" for n in (1, 2) for c in "ab"},
    ),
    "batches": (
        "batch1/cat batch1/dog batch2/cat batch2/dog",
        {f"batch{n}/{c}": c for n in (1, 2) for c in CAT_DOG},
    ),
    "images beside masks": (
        "images/cat images/dog masks/cat masks/dog",
        {"images/cat": "cat", "images/dog": "dog"},
    ),
    "photos beside ground truth": (
        "photos/a photos/b ground_truth/a ground_truth/b README.md",
        {"photos/a": "a", "photos/b": "b"},
    ),
    "splits of images beside splits of labels": (
        "images/train/a images/train/b images/val/a images/val/b labels/train/a labels/train/b labels/val/a",
        {f"images/{s}/{c}": f"{s}:{c}" for s in ("train", "val") for c in "ab"},
    ),
    "masks beside the classes of splits": (
        "train/a train/b test/a test/b masks/a masks/b",
        {"train/a": "train:a", "train/b": "train:b", "test/a": "test:a", "test/b": "test:b"},
    ),
    "masks within classes": (
        "ill/images ill/masks well/images well/masks",
        {"ill/images": "ill", "well/images": "well"},
    ),
    "masks within some classes, wrapped": (
        "set/ill/images set/ill/masks set/well/images set/well/masks set/new/images",
        {"ill/images": "ill", "new/images": "new", "well/images": "well"},
    ),
    "masks within the classes of splits": (
        "train/ill/images train/ill/masks train/well/images train/well/masks test/ill/images test/well/images",
        {
            "train/ill/images": "train:ill",
            "train/well/images": "train:well",
            "test/ill/images": "test:ill",
            "test/well/images": "test:well",
        },
    ),
    "masks beside the images of a class": (
        "ill ill/masks well well/ground_truth",
        {"ill": "ill", "well": "well"},
    ),
    "folders of a class that hold no masks": (
        "with_mask/mask_red/9.jpg with_mask/mask_blue/8.jpg without_mask/7.jpg",
        {"with_mask/mask_red": "with_mask", "with_mask/mask_blue": "with_mask", "without_mask": "without_mask"},
    ),
    # What programs leave
    "network storage": (
        "cat dog cat/@eaDir/0.jpg @eaDir/x #recycle/cat $RECYCLE.BIN/dog lost+found/a .Trash-1000/files __MACOSX/cat",
        {"cat": "cat", "dog": "dog"},
    ),
    "what tlsearch and MLflow leave": (
        "cat dog mlruns/0 mlartifacts/1/images tlsearch-runs/a/model",
        {"cat": "cat", "dog": "dog"},
    ),
    "a wrapper beside junk": ("data/cat data/dog __MACOSX/data/cat", {"cat": "cat", "dog": "dog"}),
}


@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_read_as_its_owner_means_it(tmp_path: Path, name: str) -> None:
    tree, expected = TREES[name]
    assert summary(read(plant(tmp_path, tree.split()))) == expected


REFUSED: dict[str, tuple[str, str]] = {
    "train and test without classes": ("train test", "lie in no class folder"),
    "a test folder of images among classes": (
        "cat dog test",
        r"two ways: test is a class beside cat, dog \(--layout classes\), or its images are .* \(--exclude test\)",
    ),
    "no training folder": ("val/a val/b test/a test/b", "none called train that holds class folders"),
    "two training folders": ("train/a train/b training/a training/b", "train and training in .* both mean the train"),
    "twins": (
        "left/a left/b right/a right/b",
        r"classes are left, right \(--layout classes\), or .* a, b \(--layout sub",
    ),
    "twins by year": ("2019/a 2019/b 2020/a 2020/b", "two ways"),
    "twins of numbers": ("2019/1 2019/2 2020/1 2020/2", "two ways"),
    "kinds of kinds": ("cats/persian cats/siam dogs/pug dogs/poodle", r"--layout classes\), or .*--layout subfolders"),
    "kinds of kinds within training": (
        "train/cats/a train/cats/b train/dogs/c train/dogs/d test/cats/a test/dogs/c",
        r"cats, dogs \(--layout splits\), or the classes are a, b, c, d \(--layout subfolders\)",
    ),
    "genera, one with a single species": (
        "rosa/canina rosa/rugosa bellis/perennis",
        r"classes are bellis, rosa \(--layout classes\), or the classes are perennis, canina, rugosa \(--layout subf",
    ),
    "images that nobody has sorted": (
        "cat dog unknown_images",
        r"unknown_images is a class beside cat, dog \(--layout classes\), or its images have no labels yet "
        r"\(--exclude 'unknown_images'\)",
    ),
    "images to label": ("cat dog to_label", "no labels yet"),
    "unsorted images within training": ("train/cat train/dog train/unsorted", r"--layout splits\), or its images have"),
    "some classes divided": ("cat/train cat/test dog", "cat holds training and test folders"),
    "folds that are divided": (
        "fold1/train/a fold1/train/b fold1/test/a fold1/test/b fold2/train/a fold2/train/b fold2/test/a fold2/test/b",
        "name one fold, such as .*fold1",
    ),
    "anomalies": (
        "train/good test/good test/broken ground_truth/broken",
        r"one class to train on \(good\), and test holds others \(broken\).*such as .*test",
    ),
    "anomalies of several things": (
        "bottle/train/good bottle/test/good bottle/test/broken bottle/ground_truth/broken "
        "cable/train/good cable/test/good cable/test/bent cable/ground_truth/bent",
        "holds training and test folders of its own, with classes in them: name one of them, such as .*bottle",
    ),
    "other classes in test": ("train/a train/b test/c test/d", r"\(c, d\) are none of those of training \(a, b\)"),
    "a copy of the classes beside them": ("yes no tumor/yes tumor/no", r"--exclude 'tumor'\), or .*--layout classes"),
    "test folders within training": ("train/a train/b train/test/a train/test/b", "--exclude 'train/test'"),
    "sites that are divided": (
        "north/train/a north/train/b north/test/a south/train/a south/train/b south/test/a",
        "holds training and test folders of its own, with classes in them: name one of them",
    ),
    "images and masks": ("images masks", "images in images .* no class folder, and masks holds pictures made of them"),
    "images and trimaps": ("images annotations/trimaps annotations/xmls/a.xml", "and annotations holds pictures made"),
    "images and labels": ("imgs labels", "images in imgs in .* and labels holds pictures made of them"),
    "images and two kinds of masks": (
        "JPEGImages SegmentationClass SegmentationObject",
        "and SegmentationClass, SegmentationObject hold pictures made of them",
    ),
    "images of a name of their own and masks": ("CXR_png masks", r"CXR_png .* and masks .* or say --layout classes"),
    "images and masks within splits": (
        "train/images train/masks test/images test/masks",
        r"images in images in .*(train|test) lie .* or say --layout splits",
    ),
    "an image and a mask within splits": (
        "train/image train/mask",
        "images in image .*train lie in no class folder",
    ),
    "numbers, some with the same class in them": ("001/cat 002/dog 003/cat", r"classes are cat, dog \(--layout subf"),
    "days, some with the same class in them": ("2024-01-05/cat 2024-01-06/dog 2024-01-07/cat", "two ways"),
    "a second folder of a class": ("cat dog dog_(1)", r"dog_\(1\) holds images of dog, .*--exclude 'dog_\(1\)'\)"),
    "a copy of a class": ("cat dog dog_copy", r"dog_copy holds images of dog, so put them there, or leave"),
    "a copy of a class as macOS calls it": ("cat dog Copy_of_cat", "Copy_of_cat holds images of cat"),
    "masks beside flat classes": (
        "cat dog masks",
        r"masks holds pictures made of the images in cat, dog and takes no part \(--exclude 'masks'\), or it",
    ),
    "images and labelled images": ("images annotations/cat annotations/dog", "images in images .* no class folder"),
    "dates of splits, one class each": (
        "train/s1/cat train/s2/dog test/s3/cat",
        "say --layout subfolders where cat, dog are the classes",
    ),
    "a copy of a class as Windows calls it": ("train/cat train/dog train/cat_-_Copy", r"--layout splits"),
    "test images of one class": (
        "tube test_tube beaker",
        r"test_tube holds test images of tube and is not trained on \(--exclude 'test_tube'\), or .*--layout classes",
    ),
    "images without labels in a class": ("cat cat/unlabelled dog", r"have no labels .*--exclude 'cat/unlabelled'"),
    "a copy of the folder in itself": (
        "flowers/cat flowers/dog flowers/flowers/cat flowers/flowers/dog",
        r"flowers, which holds .* \(--exclude 'flowers/flowers'\)",
    ),
    "examples beside the data": (
        "data/train/cat data/train/dog data/val/cat data/test/cat examples",
        r"name the folder to read, such as .*data, or leave the rest out with --exclude 'examples'",
    ),
    "test images of another kind": (
        "cat dog test_images/foo",
        r"holds other folders \(foo\) than what lies beside it \(cat, dog\): leave it out with --exclude 'test_images'",
    ),
    "boxes instead of classes": ("train/images valid/images", "lie in no class folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    tree, message = REFUSED[name]
    with pytest.raises(DataError, match=message) as caught:
        read(plant(tmp_path, tree.split()))
    assert "\n" not in str(caught.value)


CHOSEN: dict[tuple[str, str], dict[str, str]] = {
    ("cat dog test", "classes"): {"cat": "cat", "dog": "dog", "test": "test"},
    ("left/a left/b right/a right/b", "classes"): {f"{s}/{c}": s for s in ("left", "right") for c in "ab"},
    ("left/a left/b right/a right/b", "subfolders"): {f"{s}/{c}": c for s in ("left", "right") for c in "ab"},
    ("train/a train/b test/a test/b", "classes"): {f"{s}/{c}": s for s in ("train", "test") for c in "ab"},
    ("train/a/x train/a/y train/b/z test/a/x test/b/z", "subfolders"): {
        "train/a/x": "train:x",
        "train/a/y": "train:y",
        "train/b/z": "train:z",
        "test/a/x": "test:x",
        "test/b/z": "test:z",
    },
    ("train/a/x train/a/y train/b/z train/b/w test/a/x test/b/z", "splits"): {
        **{f"train/{f}": f"train:{f[0]}" for f in ("a/x", "a/y", "b/z", "b/w")},
        "test/a/x": "test:a",
        "test/b/z": "test:b",
    },
    ("train/a train/b test/a test/b", "folds"): {f"{s}/{c}": f"{s}:{c}" for s in ("train", "test") for c in "ab"},
    ("train/a train/b test/a test/b", "subfolders"): {f"{s}/{c}": f"{s}:{c}" for s in ("train", "test") for c in "ab"},
    ("left/a left/b right/a right/b", "folds"): {f"{s}/{c}": f"{s}/{c}" for s in ("left", "right") for c in "ab"},
}


@pytest.mark.parametrize(("tree", "layout"), CHOSEN)
def test_the_user_chooses_a_layout(tmp_path: Path, tree: str, layout: str) -> None:
    assert summary(read(plant(tmp_path, tree.split()), layout)) == CHOSEN[tree, layout]


def test_the_working_directory_is_read_as_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, CAT_DOG)
    monkeypatch.chdir(tmp_path)
    assert [item.path for item in read(Path()).items] == [item.path for item in read(tmp_path).items]


def test_the_training_folder_is_not_named_for_another_part(tmp_path: Path) -> None:
    root = plant(tmp_path, ("robo/train/a", "robo/train/b", "robo/test/a", "robo/test/b"))
    with pytest.raises(UsageError, match=r"--test names the training folder .*robo/train, .* --train DIR"):
        read(root, parts={"test": "robo/train"})
    both = read(root, parts={"test": "robo/train", "train": "robo/test"})
    assert summary(both) == {
        **{f"robo/train/{name}": f"test:{name}" for name in "ab"},
        **{f"robo/test/{name}": f"train:{name}" for name in "ab"},
    }


def test_other_classes_in_a_folder_that_was_named(tmp_path: Path) -> None:
    root = plant(tmp_path, ("set/a", "set/b", "more/c", "more/d"))
    with pytest.raises(DataError, match=r"The classes of val .* \(c, d\) are none of those .*, or leave out --val\."):
        read(root / "set", parts={"val": str(root / "more")})


def test_lists_that_are_not_read_are_named(tmp_path: Path) -> None:
    tree = ("images/cat", "images/dog", "images/train.txt", "meta/test.txt", "labels.json", "README.txt", "notes.json")
    (note,) = read(plant(tmp_path, tree)).notes
    assert note.startswith("not read: labels.json, test.txt, train.txt; what such a list says can stand in a table")


def test_archives_in_a_folder_without_images_are_named(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("data/train.zip", "data/test.tar.gz", "data/notes.txt")))
    assert [entry.path for entry in reading.skipped] == ["data/test.tar.gz", "data/train.zip"]
    with pytest.raises(DataError, match=r"2 files are each an archive of its own: unpack it, and name the folder"):
        scan(tmp_path)


def test_a_folder_that_is_left_out_counts_as_its_images(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("train/a", "train/b", "test", "other/x", "other/y"), per_folder=3))
    assert {entry.path: entry.count for entry in reading.skipped} == {"other": 6, "test": 3}
    assert files_of(reading.skipped) == "9 files"


def test_what_is_excluded_may_lie_in_a_folder_that_is_named(tmp_path: Path) -> None:
    root = plant(tmp_path, ("set/a", "set/b", "more/a", "more/b", "more/junk"))
    reading = read(root / "set", parts={"val": str(root / "more")}, exclude=("junk",))
    assert {item.path.rpartition("/")[0] for item in reading.items} == {"a", "b", "val/a", "val/b"}
    with pytest.raises(UsageError, match="--exclude 'rubbish' fits nothing in"):
        read(root / "set", parts={"val": str(root / "more")}, exclude=("rubbish",))


@pytest.mark.parametrize("pattern", ["./old", "old/", "./old/", "old"])
def test_what_is_excluded_may_begin_with_a_point(tmp_path: Path, pattern: str) -> None:
    reading = read(plant(tmp_path, ("cat", "dog", "old")), exclude=(pattern,))
    assert summary(reading) == {"cat": "cat", "dog": "dog"}


PAIRS: dict[str, tuple[str, str]] = {
    "numbers in brackets": (
        "benign (1).png|benign (1)_mask.png|benign (1)_mask_1.png|benign (2).png|benign (2)_mask.png",
        "benign (1).png|benign (2).png",
    ),
    "other words and endings": (
        "a.jpg|a_seg.png|b.jpg|b_segmentation.png|c.jpg|c-label.png|d.jpg|d.jpg_mask.png|e.jpg|e_GroundTruth.png",
        "a.jpg|b.jpg|c.jpg|d.jpg|e.jpg",
    ),
    "words of masks without an image": ("mask_1.jpg|mask_2.jpg|a_mask.jpg|b_mask.jpg", ""),
    "most of them without an image": ("a.jpg|a_label.jpg|b_label.jpg|c_label.jpg", ""),
    "other words": ("a.jpg|a_left.jpg|a_2.jpg|b.jpg", ""),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pictures_that_are_called_like_masks_of_others_are_left_out(tmp_path: Path, name: str) -> None:
    files, expected = (text.split("|") for text in PAIRS[name])
    expected = sorted(files) if expected == [""] else expected
    plant(tmp_path, (f"{label}/{file}" for label in CAT_DOG for file in files))
    reading = read(tmp_path)
    assert [item.path for item in reading.items] == [f"{label}/{file}" for label in CAT_DOG for file in expected]
    left_out = {entry.path for entry in reading.skipped if "is called like a mask of " in entry.reason}
    assert len(left_out) == 2 * (len(files) - len(expected))
    assert any("called like masks of others" in note for note in reading.notes) == bool(left_out)


def test_a_class_of_masks_holds_its_images(tmp_path: Path) -> None:
    files = ("0.jpg", "0_mask.jpg", "1.jpg", "1_mask.jpg")
    reading = read(plant(tmp_path, (f"{label}/{file}" for label in ("mask", "no_mask") for file in files)))
    assert len(reading.items) == 8


def test_masks_within_classes_are_counted(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("ill/images", "ill/masks", "well/images", "well/masks")))
    assert [(entry.path, entry.reason) for entry in reading.skipped] == [
        (f"{label}/masks", f"it holds pictures made of the images in {label} (2 images)") for label in ("ill", "well")
    ]


@pytest.mark.parametrize(
    "tree", ["DCIM/100APPLE DCIM/101APPLE", "2024-01-05 2024-01-06", "2024_01 2024_02", "patient_1 patient_2"]
)
def test_names_that_number_what_was_collected_are_remarked_upon(tmp_path: Path, tree: str) -> None:
    notes = read(plant(tmp_path, tree.split())).notes
    assert any("are read as classes, and their names are like those of cameras, days or patients" in n for n in notes)


@pytest.mark.parametrize("tree", ["cat dog", "0 1", "2019 2020", "100APPLE cat", "12345678 12345679"])
def test_other_names_are_not_remarked_upon(tmp_path: Path, tree: str) -> None:
    assert not read(plant(tmp_path, tree.split())).notes


@pytest.mark.parametrize("layout", ["folds", "class-splits", "subfolders"])
def test_a_layout_that_does_not_fit_is_named(tmp_path: Path, layout: str) -> None:
    with pytest.raises(DataError, match=f"--layout {layout} finds no class folder in .*, where cat, dog hold images"):
        read(plant(tmp_path, CAT_DOG), layout)


def test_what_is_advised_to_leave_out_leaves_the_rest(tmp_path: Path) -> None:
    root = plant(tmp_path, ("flowers/cat", "flowers/dog", "flowers/flowers/cat", "flowers/flowers/dog"))
    assert summary(read(root, exclude=("flowers/flowers",))) == {"cat": "cat", "dog": "dog"}


def test_folds_within_training_and_the_place_of_classes_are_said(tmp_path: Path) -> None:
    tree = "train/fold0/a train/fold0/b train/fold1/a train/fold1/b test/a test/b"
    understood = read(plant(tmp_path / "folds", tree.split())).understood
    assert understood[0] == "train: train/fold0, train/fold1 (2 classes, 8 files, 2 folds)"
    assert read(plant(tmp_path / "plain", CAT_DOG)).understood == ("classes: . (2 classes, 4 files)",)


def test_an_archive_beside_class_folders_is_counted(tmp_path: Path) -> None:
    reading = read(plant(tmp_path, ("cat", "dog", "bird.zip")))
    assert [entry.path for entry in reading.skipped] == ["bird.zip"]
