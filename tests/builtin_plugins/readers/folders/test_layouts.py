"""How trees of folders are read: trees as people have them, each with what it must give or why it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.readers.folders import CAT_DOG, plant, read, summary
from tests.helpers.readers.split_trees import TREES_OF_SPLITS
from tests.helpers.readers.trees import TREES_OF_CLASSES
from tlsearch.errors import DataError

TREES = {**TREES_OF_CLASSES, **TREES_OF_SPLITS}


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
    "a folder that may be a part beside the training folder": (
        "train/a train/b eval/a eval/b",
        r"holds class folders in train and in eval, .* --test eval or --val eval, .* --exclude 'eval', or say --layout",
    ),
    "vehicles of kinds, one of them called train": (
        "train/steam train/tgv car/suv car/van bus",
        r"holds class folders in train and in car, .* --layout classes where all of them are classes",
    ),
    "kinds of trains beside other vehicles": (
        "bus tram train/steam train/tgv",
        r"two ways: train holds the classes, and bus, tram takes no part \(--exclude 'bus' --exclude 'tram'\), or",
    ),
    "a class that is called like masks and divided like the others": (
        "boxes/day1 boxes/day2 pallets/day1 pallets/day2 drums/day1",
        r"two ways: boxes holds pictures made of the images in .* or it is a class of its own \(--layout classes\)",
    ),
    "a class that is called like masks beside one that is a number": (
        "mask/a mask/b 2/c 2/d dog",
        r"two ways: mask holds pictures made of the images in 2, dog and takes no part \(--exclude 'mask'\), or",
    ),
    "parts of some classes in their names": (
        "cat_train cat_test dog_train dog_test owl",
        r"two ways: cat_test, cat_train, dog_test, dog_train are classes of their own \(--layout classes\), or "
        r"cat_test, dog_test holds images .* \(--exclude 'cat_test' --exclude 'dog_test'; where",
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


@pytest.mark.parametrize("layout", ["folds", "class-splits", "subfolders"])
def test_a_layout_that_does_not_fit_is_named(tmp_path: Path, layout: str) -> None:
    with pytest.raises(DataError, match=f"--layout {layout} finds no class folder in .*, where cat, dog hold images"):
        read(plant(tmp_path, CAT_DOG), layout)
