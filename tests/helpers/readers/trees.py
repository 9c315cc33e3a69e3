"""Trees of class folders as people have them, each with what it must give."""

from __future__ import annotations

from tests.helpers.readers.folders import CAT_DOG

TREES_OF_CLASSES: dict[str, tuple[str, dict[str, str]]] = {
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
