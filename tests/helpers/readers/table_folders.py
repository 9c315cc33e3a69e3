"""Folders that hold a table beside images, each with what it must give."""

from __future__ import annotations

from tests.helpers.readers.tables import FOUR, IN_CLASSES, OTHERWISE, ROWS, Case

TABLES_IN_FOLDERS: dict[str, Case] = {
    # Folders with tables
    "Kaggle": Case(
        "id,label\n1,cat\n2,dog\n",
        {"train/1.jpg": "cat", "train/2.jpg": "dog"},
        images="train/1.jpg train/2.jpg test/1.jpg test/3.jpg test/4.jpg",
        name="train.csv",
        source=".",
        says=("test: the table names none of its images (3 images)",),
    ),
    "Kaggle, only training images": Case(
        "id,label\n1,cat\n2,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="archive/train/1.jpg archive/train/2.jpg",
        name="archive/train_labels.csv",
        source=".",
    ),
    "Kaggle, names of folders with more in them": Case(
        "image,level\n1,0\n2,1\n",
        {"train_images/1.jpg": "0", "train_images/2.jpg": "1"},
        images="train_images/1.jpg train_images/2.jpg test_images/3.jpg",
        name="labels.csv",
        source=".",
    ),
    "Hugging Face": Case(
        "file_name,label\n" + ROWS,
        FOUR,
        name="metadata.csv",
        source=".",
        says=("metadata.csv: image from 'file_name'",),
    ),
    "Hugging Face, parts in folders": Case(
        '{"file_name": "train/1.jpg", "label": 0}\n{"file_name": "train/2.jpg", "label": 1}\n'
        '{"file_name": "test/1.jpg", "label": 0}\n{"file_name": "test/2.jpg", "label": 1}\n',
        {"train/1.jpg": "train:0", "train/2.jpg": "train:1", "test/1.jpg": "test:0", "test/2.jpg": "test:1"},
        images="train/1.jpg train/2.jpg test/1.jpg test/2.jpg",
        name="metadata.jsonl",
        source=".",
        says=("split from the folders",),
    ),
    # Folders with tables and folders that may be classes
    "patients": Case(
        "image,diagnosis\np01/1.jpg,ill\np01/2.jpg,well\np02/1.jpg,well\n",
        {"p01/1.jpg": "ill", "p01/2.jpg": "well", "p02/1.jpg": "well"},
        images="patients/p01/1.jpg patients/p01/2.jpg patients/p02/1.jpg",
        source=".",
    ),
    "cameras": Case(
        "file,defect\n1.jpg,yes\n2.jpg,no\n3.jpg,no\n4.jpg,yes\n",
        {"north/1.jpg": "yes", "north/2.jpg": "no", "south/3.jpg": "no", "south/4.jpg": "yes"},
        images="cameras/north/1.jpg cameras/north/2.jpg cameras/south/3.jpg cameras/south/4.jpg",
        source=".",
    ),
    "training and test images beside tables of one of them": Case(
        "patientId,x,y,width,height,Target\na1,,,,,0\na2,1.5,2.0,3,4,1\na2,5.5,2.0,3,4,1\na3,,,,,0\n",
        {f"stage_2_train_images/{name}.png": label for name, label in (("a1", "0"), ("a2", "1"), ("a3", "0"))},
        images=" ".join(f"stage_2_train_images/a{n}.png" for n in (1, 2, 3)) + " stage_2_test_images/b1.png",
        name="stage_2_train_labels.csv",
        source=".",
        says=("stage_2_test_images: the table names none of its images (1 image)",),
    ),
    "one folder of training images": Case(
        "patientId,Target\na1,0\na2,1\n",
        {"a1.png": "0", "a2.png": "1"},
        images="stage_2_train_images/a1.png stage_2_train_images/a2.png",
        name="stage_2_train_labels.csv",
        source=".",
    ),
    "kinds of kinds that a table tells apart": Case(
        "file,label\n1.jpg,x\n2.jpg,y\n3.jpg,x\n4.jpg,y\n",
        {"cats/a/1.jpg": "x", "cats/b/2.jpg": "y", "dogs/c/3.jpg": "x", "dogs/d/4.jpg": "y"},
        images="cats/a/1.jpg cats/b/2.jpg dogs/c/3.jpg dogs/d/4.jpg",
        source=".",
    ),
    "a table that says what the folders say": Case(
        "file,label\n1.jpg,0\n2.jpg,0\n3.jpg,1\n4.jpg,1\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        says=("labels.csv says the same labels as the folders",),
    ),
    "a table that says more than the folders": Case(
        "file,label,patient,split\n1.jpg,cat,a,train\n2.jpg,cat,a,train\n3.jpg,dog,b,test\n4.jpg,dog,b,test\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        says=(
            "labels.csv is not used, as its labels are those of the folders; to use its split ('split') and group "
            "('patient') too, say --label-column 'label'",
        ),
    ),
    "a table that says the parts of the folders": Case(
        "file,label,split\ntrain/a/1.jpg,0,train\ntrain/b/1.jpg,1,train\ntest/a/1.jpg,0,test\ntest/b/1.jpg,1,test\n",
        {f"{part}/{name}/1.jpg": f"{part}:{name}" for part in ("train", "test") for name in "ab"},
        images="train/a/1.jpg train/b/1.jpg test/a/1.jpg test/b/1.jpg",
        source=".",
        says=("labels.csv says the same labels as the folders",),
    ),
    "pieces and a copy of some": Case(
        "image_id,dx\nA1,cat\nA2,dog\nB1,dog\nB2,cat\n",
        {"part_1/A1.jpg": "cat", "part_1/A2.jpg": "dog", "part_2/B2.jpg": "cat"},
        images="part_1/A1.jpg part_1/A2.jpg part_2/B1.jpg part_2/B2.jpg copy/B1.jpg",
        source=".",
        says=("1 name in the table fits several files, such as B1: write names with their folders, or leave out",),
    ),
    "a column of several that says what the folders say": Case(
        "file,kind,light\n1.jpg,cat,day\n2.jpg,cat,night\n3.jpg,dog,day\n4.jpg,dog,night\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        says=("labels.csv is not used: its column 'kind' says what the folders say",),
    ),
    "a table of something else beside classes": Case(
        "epoch,loss\n1,0.5\n2,0.25\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        name="history.csv",
        source=".",
        says=("history.csv is not used: the names of the folders say the labels",),
    ),
    "a table without labels beside classes": Case(
        "file,width\n1.jpg,10\n2.jpg,20\n3.jpg,30\n4.jpg,40\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        says=("labels.csv is not used",),
    ),
    "a table that is chosen beside classes": Case(
        OTHERWISE,
        {"cat/1.jpg": "old", "cat/2.jpg": "new", "dog/3.jpg": "old", "dog/4.jpg": "new"},
        images=IN_CLASSES,
        source=".",
        options={"columns": {"label": "age"}},
    ),
    "folders that are chosen beside a table": Case(
        OTHERWISE,
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        options={"exclude": ("./labels.csv",)},
        says=("excluded: ./labels.csv",),
    ),
    "folders that are chosen by their layout": Case(
        OTHERWISE,
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog", "dog/4.jpg": "dog"},
        images=IN_CLASSES,
        source=".",
        options={"layout": "classes"},
        says=("labels.csv is not used: the names of the folders say the labels",),
    ),
    "images in pieces": Case(
        "image_id,dx\nA1,cat\nB1,dog\n",
        {"images_part_1/A1.jpg": "cat", "images_part_2/B1.jpg": "dog"},
        images="images_part_1/A1.jpg images_part_2/B1.jpg",
        name="metadata.csv",
        source=".",
    ),
}
