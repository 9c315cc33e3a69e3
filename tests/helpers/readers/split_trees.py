"""Trees with training and test folders as people have them, each with what it must give."""

from __future__ import annotations

TREES_OF_SPLITS: dict[str, tuple[str, dict[str, str]]] = {
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
    "images to classify beside a wrapper": (
        "photos/cat photos/dog to_classify",
        {"photos/cat": "cat", "photos/dog": "dog"},
    ),
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
    "splits in the names of classes with numbers": (
        "car_2015_train car_2015_test car_2016_train car_2016_test bus_train bus_test",
        {
            f"{name}_{part}": f"{part}:{name.replace('_', ' ')}"
            for name in ("car_2015", "car_2016", "bus")
            for part in ("train", "test")
        },
    ),
    "splits in the names of classes with words that say nothing": (
        "cat_train_set cat_test_set new_cat_train_set new_cat_test_set",
        {
            f"{name}_{part}_set": f"{part}:{name.replace('_', ' ')}"
            for name in ("cat", "new_cat")
            for part in ("train", "test")
        },
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
}
