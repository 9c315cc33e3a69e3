"""How tables are read: small tables as people have them, each with what it must give or the sentence of its refusal."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from tlsearch.data.survey import scan
from tlsearch.errors import DataError, TlsearchError, UsageError
from tlsearch.plugin_api import Item, Reading, ReadingOptions
from tlsearch_plugins.readers.folders.reader import FolderReader
from tlsearch_plugins.readers.tables.reader import TableReader

FOUR = {"1.jpg": "cat", "2.jpg": "cat", "3.jpg": "dog", "4.jpg": "dog"}
IMAGES = " ".join(FOUR)
ROWS = "1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n4.jpg,dog\n"
IN_CLASSES = "cat/1.jpg cat/2.jpg dog/3.jpg dog/4.jpg"
OTHERWISE = "file,age\n1.jpg,old\n2.jpg,new\n3.jpg,old\n4.jpg,new\n"


@dataclass(frozen=True)
class Case:
    """A folder with images and a table.

    ``images`` are paths below the folder, with %20 for a space; ``gives`` has for each path of an item its label, with
    ``part:`` or ``fold/`` in front where it has one; ``says`` are words of what was understood, left out or noted.
    """

    table: str | bytes
    gives: Mapping[str, str]
    images: str = IMAGES
    name: str = "labels.csv"
    source: str = ""
    says: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def plant(root: Path, case: Case) -> str:
    """Write the images and the table of a case; gives the source."""
    for image in case.images.split():
        path = root / image.replace("%20", " ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff")
    table = root / case.name
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(case.table if isinstance(case.table, bytes) else case.table.encode())
    return str(root / (case.source or case.name))


def read(source: str, **options: Any) -> Reading:
    reader = TableReader()
    assert reader.accepts(source)
    return reader.read(source, ReadingOptions(**options))


def say(item: Item) -> str:
    label = "+".join(sorted(item.labels))
    if item.split:
        return f"{item.split}:{label}"
    return f"{item.fold}/{label}" if item.fold else label


def told(reading: Reading) -> str:
    return "\n".join(
        [*reading.understood, *reading.notes, *(f"{entry.path}: {entry.reason}" for entry in reading.skipped)]
    )


CASES: dict[str, Case] = {
    # Separators, encodings, shapes
    "commas": Case("file,label\n" + ROWS, FOUR, says=("image from 'file', label from 'label' (4 rows)",)),
    "semicolons": Case("file;label\n" + ROWS.replace(",", ";"), FOUR),
    "tabs": Case("file\tlabel\n" + ROWS.replace(",", "\t"), FOUR, name="labels.tsv"),
    "pipes": Case("file|label\n" + ROWS.replace(",", "|"), FOUR, name="labels.txt"),
    "spaces": Case(ROWS.replace(",", " "), FOUR, name="train.txt", says=("image from column 1",)),
    "spaces in names": Case(
        "a cat.jpg 0\nb.jpg 0\na dog.jpg 1\nd.jpg 1\n",
        {"a cat.jpg": "0", "b.jpg": "0", "a dog.jpg": "1", "d.jpg": "1"},
        images="a%20cat.jpg b.jpg a%20dog.jpg d.jpg",
        name="train.txt",
    ),
    "semicolons with commas in texts": Case(
        'file;label;note\n1.jpg;cat;"soft, warm"\n2.jpg;cat;\n3.jpg;dog;a, b, c\n4.jpg;dog;\n', FOUR
    ),
    "the line of Excel": Case("sep=;\nfile;label\n" + ROWS.replace(",", ";"), FOUR),
    "a byte order mark": Case(b"\xef\xbb\xbffile,label\n" + ROWS.encode(), FOUR, says=("image from 'file'",)),
    "UTF-16": Case(("file\tlabel\n" + ROWS.replace(",", "\t")).encode("utf-16"), FOUR),
    "UTF-16 without a mark": Case(("file,label\n" + ROWS).encode("utf-16-le"), FOUR),
    "Windows-1252": Case(
        "file,label\n1.jpg,Käse\n2.jpg,Käse\n3.jpg,Öl\n4.jpg,Öl\n".encode("cp1252"),
        {"1.jpg": "Käse", "2.jpg": "Käse", "3.jpg": "Öl", "4.jpg": "Öl"},
    ),
    "line ends of Windows and of old": Case(("file,label\n" + ROWS).replace("\n", "\r\n"), FOUR),
    "line breaks in quotation marks": Case(
        'note,file,label\n"two\nlines",1.jpg,cat\n"a ""b""",2.jpg,cat\n,3.jpg,dog\n,4.jpg,dog\n\n', FOUR
    ),
    "no header": Case(ROWS, FOUR, says=("image from column 1, label from column 2 (4 rows)",)),
    "no header, no endings": Case(ROWS.replace(".jpg", ""), FOUR, says=("image from column 1",)),
    "an index of pandas": Case(",file,label\n" + "".join(f"{n},{r}\n" for n, r in enumerate(ROWS.split())), FOUR),
    "separators at the ends of lines": Case("file,label,\n" + ROWS.replace("\n", ",\n"), FOUR),
    "spaces around": Case("file , label\n 1.jpg , cat \n2.jpg, cat\n3.jpg, dog\n4.jpg ,dog\n", FOUR),
    "JSON lines": Case(
        "".join(f'{{"file_name": "{file}", "label": "{label}"}}\n' for file, label in FOUR.items()),
        FOUR,
        name="labels.jsonl",
    ),
    "JSON lines with lists": Case(
        '{"image": "1.jpg", "label": ["a", "b"]}\n{"image": "2.jpg", "label": ["a"]}\n',
        {"1.jpg": "a+b", "2.jpg": "a"},
        name="labels.ndjson",
    ),
    # Labels
    "numbers": Case(
        "id,class\n1.jpg,1.0\n2.jpg,1.0\n3.jpg,2.0\n4.jpg,\n",
        {"1.jpg": "1", "2.jpg": "1", "3.jpg": "2"},
        says=("4.jpg: its row has no label", "the table has no label in 1 row"),
    ),
    "decomposed letters": Case(
        "file,label\n1.jpg,Caf\u0065\u0301\n2.jpg,Café\n3.jpg,Tee\n4.jpg,Tee\n",
        {"1.jpg": "Café", "2.jpg": "Café", "3.jpg": "Tee", "4.jpg": "Tee"},
    ),
    "the only other column": Case("file,breed name\n" + ROWS, FOUR, says=("label from 'breed name'",)),
    "beside ages and texts": Case(
        "file,age,note,kind\n1.jpg,0.5,a,cat\n2.jpg,0.25,b,cat\n3.jpg,1.5,c,dog\n4.jpg,0.5,d,dog\n", FOUR
    ),
    "a number and a name of the same": Case(
        "file,label,class_name\n1.jpg,0,cat\n2.jpg,0,cat\n3.jpg,1,dog\n4.jpg,1,dog\n",
        FOUR,
        says=("label from 'class_name'",),
    ),
    "a column for each label, one without images": Case(
        "image,cat,dog,UNK\n1,1.0,0.0,0.0\n2,1.0,0.0,0\n3,0,1.0,0.0\n4,0.0,1,0.0\n",
        FOUR,
        says=("label from the columns cat, dog (no image has UNK)",),
    ),
    "a column for each label beside others": Case(
        "image,age,sex,cat,dog,UNK\n1,10,f,1,0,0\n2,11,m,1,0,0\n3,12,f,0,1,0\n4,10,f,0,1,0\n",
        FOUR,
        says=("label from the columns cat, dog (no image has UNK)",),
    ),
    "flags of other things beside a label": Case(
        "file,kind,seen,cut\n1.jpg,cat,1,1\n2.jpg,cat,0,1\n3.jpg,dog,1,1\n4.jpg,dog,0,0\n",
        FOUR,
        options={"columns": {"label": "kind"}},
    ),
    "a column for each label": Case(
        "image,cat,dog\n1,1.0,0.0\n2,1.0,0.0\n3,0.0,1.0\n4,0.0,1.0\n", FOUR, says=("label from the columns cat, dog",)
    ),
    "columns of several labels": Case(
        "image,cat,dog\n1,1,0\n2,1,1\n3,0,1\n4,0,0\n",
        {"1.jpg": "cat", "2.jpg": "cat+dog", "3.jpg": "dog"},
        says=("4.jpg: its row has no label",),
    ),
    "none is a class": Case(
        "file,label\n1.jpg,none\n2.jpg,None\n3.jpg,NaN\n4.jpg,dog\n", {"1.jpg": "none", "2.jpg": "None", "4.jpg": "dog"}
    ),
    "several labels in a cell": Case(
        "Image Index,Finding Labels,Age\n1.jpg,Cardiomegaly|Emphysema,40\n2.jpg,Emphysema,50\n3.jpg,No Finding,60\n"
        "4.jpg,Cardiomegaly,40\n",
        {"1.jpg": "Cardiomegaly+Emphysema", "2.jpg": "Emphysema", "3.jpg": "No Finding", "4.jpg": "Cardiomegaly"},
    ),
    "several labels between semicolons": Case(
        "file,label\n1.jpg,a; b\n2.jpg,b\n3.jpg,c\n4.jpg,c\n",
        {"1.jpg": "a+b", "2.jpg": "b", "3.jpg": "c", "4.jpg": "c"},
    ),
    "several labels between commas": Case(
        'file,label\n1.jpg,"rust,scab"\n2.jpg,rust\n3.jpg,scab\n4.jpg,ok\n',
        {"1.jpg": "rust+scab", "2.jpg": "rust", "3.jpg": "scab", "4.jpg": "ok"},
    ),
    "several labels between spaces": Case(
        "file,label\n1.jpg,scab complex\n2.jpg,scab\n3.jpg,complex rust\n4.jpg,rust\n5.jpg,complex\n",
        {"1.jpg": "complex+scab", "2.jpg": "scab", "3.jpg": "complex+rust", "4.jpg": "rust", "5.jpg": "complex"},
        images=f"{IMAGES} 5.jpg",
    ),
    "names with commas and spaces": Case(
        'file,label\n1.jpg,"Pepper, bell"\n2.jpg,Pepper\n3.jpg,red wine\n4.jpg,wine\n5.jpg,red\n',
        {"1.jpg": "Pepper, bell", "2.jpg": "Pepper", "3.jpg": "red wine", "4.jpg": "wine", "5.jpg": "red"},
        images=f"{IMAGES} 5.jpg",
    ),
    "names of kinds within kinds": Case(
        "file,label\n1.jpg,animal|cat\n2.jpg,animal|dog\n3.jpg,animal|cat\n4.jpg,plant|fern\n",
        {"1.jpg": "animal|cat", "2.jpg": "animal|dog", "3.jpg": "animal|cat", "4.jpg": "plant|fern"},
    ),
    "a name that a comma divides": Case(
        "Image Index,Finding Labels,Size[x,y]\n1.jpg,ill,1.5,7\n2.jpg,well,1.5,8\n3.jpg,ill,2.5,7\n4.jpg,well,2.5,8\n",
        {"1.jpg": "ill", "2.jpg": "well", "3.jpg": "ill", "4.jpg": "well"},
        says=("label from 'Finding Labels'",),
    ),
    "boxes beside labels": Case(
        "file,x,y,width,height,Target\n1.jpg,1,5,2,3,0\n2.jpg,1,6,2,3,0\n3.jpg,1,5,2,3,1\n4.jpg,1,6,2,3,1\n",
        {"1.jpg": "0", "2.jpg": "0", "3.jpg": "1", "4.jpg": "1"},
        says=("label from 'Target'",),
    ),
    # Splits, folds, groups, weights
    "splits": Case(
        "file,label,set\n1.jpg,cat,Train\n2.jpg,cat,validation\n3.jpg,dog,train\n4.jpg,dog,TEST\n",
        {"1.jpg": "train:cat", "2.jpg": "val:cat", "3.jpg": "train:dog", "4.jpg": "test:dog"},
        says=("split from 'set'",),
    ),
    "images that wait for a prediction": Case(
        "file,label,split\n1.jpg,cat,train\n2.jpg,cat,train\n3.jpg,dog,train\n4.jpg,,predict\n",
        {"1.jpg": "train:cat", "2.jpg": "train:cat", "3.jpg": "train:dog"},
        says=("4.jpg: it waits for a prediction",),
    ),
    "a column that says what validates": Case(
        "name,label,is_valid\n1.jpg,cat,False\n2.jpg,cat,True\n3.jpg,dog,False\n4.jpg,dog,True\n",
        {"1.jpg": "train:cat", "2.jpg": "val:cat", "3.jpg": "train:dog", "4.jpg": "val:dog"},
    ),
    "folds": Case(
        "file,label,fold\n1.jpg,cat,0\n2.jpg,cat,1\n3.jpg,dog,0\n4.jpg,dog,1\n",
        {"1.jpg": "0/cat", "2.jpg": "1/cat", "3.jpg": "0/dog", "4.jpg": "1/dog"},
        says=("fold from 'fold'",),
    ),
    "parts of some rows": Case(
        "file,label,split\n1.jpg,cat,train\n2.jpg,cat,\n3.jpg,dog,test\n4.jpg,dog,NaN\n",
        {"1.jpg": "train:cat", "2.jpg": "cat", "3.jpg": "test:dog", "4.jpg": "dog"},
        says=("split from 'split', for training where 'split' is empty (2 rows)",),
    ),
    "a set that is no split": Case("file,label,set\n1.jpg,cat,A\n2.jpg,cat,B\n3.jpg,dog,A\n4.jpg,dog,B\n", FOUR),
    "groups of patients": Case(
        "image_id,patient_id,dx\n1,p1,cat\n2,p1,cat\n3,p2,dog\n4,p2,dog\n", FOUR, says=("group from 'patient_id'",)
    ),
    "weights": Case(
        "file,label,weight\n1.jpg,cat,0.5\n2.jpg,cat,2\n3.jpg,dog,1\n4.jpg,dog,1\n",
        FOUR,
        says=("weight from 'weight'",),
    ),
    "columns that are named": Case(
        "a,b,c\n1.jpg,cat,x\n2.jpg,cat,y\n3.jpg,dog,x\n4.jpg,dog,y\n", FOUR, options={"columns": {"label": "B"}}
    ),
    # Where images are
    "folders in names": Case(
        "path,label\ncat/1.jpg,cat\n./cat/2.jpg,cat\ndog\\1.jpg,dog\n.\\dog\\2.jpg,dog\n",
        {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/1.jpg": "dog", "dog/2.jpg": "dog"},
        images="cat/1.jpg cat/2.jpg dog/1.jpg dog/2.jpg",
    ),
    "a folder of images beside": Case(
        "file,label\n" + ROWS, FOUR, images="images/1.jpg images/2.jpg images/3.jpg images/4.jpg"
    ),
    "its name in the table": Case(
        "file,label\nimages/1.jpg,cat\nimages/2.jpg,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="images/1.jpg images/2.jpg",
    ),
    "a folder of another name in the table": Case(
        "file,label\n/home/ann/imgs/1.jpg,cat\nC:\\imgs\\2.jpg,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="images/1.jpg images/2.jpg",
    ),
    "two folders of parts": Case(
        "image_id,dx\nA1,cat\nA2,cat\nB1,dog\nB2,dog\n",
        {"part_1/A1.jpg": "cat", "part_1/A2.jpg": "cat", "part_2/B1.jpg": "dog", "part_2/B2.jpg": "dog"},
        images="part_1/A1.jpg part_1/A2.jpg part_2/B1.jpg part_2/B2.jpg",
    ),
    "a table in a folder of its own": Case(
        "file,label\n../images/1.jpg,cat\n../images/2.jpg,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="images/1.jpg images/2.jpg",
        name="tables/labels.csv",
    ),
    "a folder that is named": Case(
        "file,label\n1.jpg,cat\n2.jpg,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="far/away/1.jpg far/away/2.jpg",
        name="tables/labels.csv",
        options={"images": "../far/away"},
    ),
    "points in names without endings": Case(
        "file,label\nimg.001,cat\nimg.002,dog\n",
        {"img.001.jpg": "cat", "img.002.jpg": "dog"},
        images="img.001.jpg img.002.jpg",
    ),
    "upper and lower case": Case("file,label\n" + ROWS.replace("jpg", "JPG"), FOUR),
    "the same name in several folders": Case(
        "file,label\n1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n",
        {"a/2.jpg": "cat", "b/3.jpg": "dog"},
        images="a/1.jpg b/1.jpg a/2.jpg b/3.jpg",
        says=(
            "1.jpg: several files can be meant: a/1.jpg, b/1.jpg",
            "1 name in the table fits several files, such as 1.jpg: leave out the folders of copies with --exclude",
        ),
    ),
    "the same name in a folder that is excluded": Case(
        "image_id,dx\nA1,cat\nB1,dog\nB2,dog\n",
        {"part_1/A1.jpg": "cat", "part_2/B1.jpg": "dog", "part_2/B2.jpg": "dog"},
        images="part_1/A1.jpg part_2/B1.jpg part_2/B2.jpg copy/A1.jpg copy/B1.jpg",
        options={"exclude": ("copy",)},
    ),
    "the likeliest of several folders is excluded": Case(
        "file,label\n1.jpg,cat\n2.jpg,dog\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="images/1.jpg images/2.jpg good/1.jpg good/2.jpg",
        options={"exclude": ("./images/",)},
        says=("excluded: ./images/",),
    ),
    "names and labels of images with numbers": Case(
        "img,label\n1,1\n2,1\n3,2\n4,2\n", {"1.jpg": "1", "2.jpg": "1", "3.jpg": "2", "4.jpg": "2"}
    ),
    "what is excluded": Case(
        "file,label\na/1.jpg,cat\na/2.jpg,dog\nb/3.jpg,cat\n",
        {"1.jpg": "cat", "2.jpg": "dog"},
        images="a/1.jpg a/2.jpg b/3.jpg",
        options={"exclude": ("b",)},
        says=("excluded: b",),
    ),
    "addresses of images that are here": Case(
        "url,label\n" + "".join(f"https://host/pets/{row}\n" for row in ROWS.split()), FOUR, images=IMAGES
    ),
    "addresses with something behind the path": Case(
        "url,label\n" + "".join(f"https://host/a%20b/{row.replace(',', '?size=1,')}\n" for row in ROWS.split()), FOUR
    ),
    "names with another ending": Case(
        "file,label\n" + ROWS.replace("jpg", "png"),
        FOUR,
        says=("the table has 4 names with another ending than the file, such as 1.png for 1.jpg",),
    ),
    "a measure that is the only column": Case(
        "file,age_approx\n1.jpg,40\n2.jpg,40\n3.jpg,50\n4.jpg,50\n",
        {"1.jpg": "40", "2.jpg": "40", "3.jpg": "50", "4.jpg": "50"},
        says=("'age_approx' of labels.csv holds numbers and is read as the label, as no other column can be one: if",),
    ),
    # What is wrong with rows
    "files that are missing": Case(
        "file,label\n" + ROWS + "5.jpg,dog\n",
        FOUR,
        says=(
            "5.jpg: the table names it, but there is no such file",
            "the table names files that are not there in 1 row",
        ),
    ),
    "a folder called like the table": Case(
        "file,label\ncat/1.jpg,cat\ndog/1.jpg,dog\n",
        {"cat/1.jpg": "cat", "dog/1.jpg": "dog"},
        images="pets/cat/1.jpg pets/dog/1.jpg others/cat/1.jpg others/dog/1.jpg",
        name="pets.csv",
    ),
    "splits in a folder beside others": Case(
        "file,label\npets/train/1.jpg,cat\npets/train/2.jpg,dog\npets/test/1.jpg,dog\n",
        {"train/1.jpg": "train:cat", "train/2.jpg": "train:dog", "test/1.jpg": "test:dog"},
        images="pets/train/1.jpg pets/train/2.jpg pets/test/1.jpg others/1.jpg",
    ),
    "rows without a name": Case("file,label\n" + ROWS + ",dog\n", FOUR, says=("the table names no image in 1 row",)),
    "rows that are there twice": Case(
        "file,label\n" + ROWS + "1.jpg,cat\n./2,cat\n", FOUR, says=("again in 2 rows: it counts once",)
    ),
    "rows that disagree": Case(
        "file,label\n" + ROWS + "1.jpg,dog\n",
        {"2.jpg": "cat", "3.jpg": "dog", "4.jpg": "dog"},
        says=("1.jpg: its rows give it different labels: cat, dog",),
    ),
    "rows in two parts": Case(
        "file,label,split\n1.jpg,cat,train\n1.jpg,cat,test\n2.jpg,cat,train\n3.jpg,dog,train\n",
        {"2.jpg": "train:cat", "3.jpg": "train:dog"},
        says=("1.jpg: its rows put it into different parts", "1 image in "),
    ),
    "images without a row": Case("file,label\n" + ROWS, FOUR, images=f"{IMAGES} 5.jpg 6.jpg", says=("2 images in ",)),
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
        says=("1 name in the table fits several files, such as B1: leave out the folders of copies with --exclude",),
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


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_read_as_its_owner_means_it(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    reading = read(plant(tmp_path, case), **case.options)
    assert {item.path: say(item) for item in reading.items} == case.gives
    for words in case.says:
        assert words in told(reading)


REFUSED: dict[str, tuple[Case, str]] = {
    "an empty file": (Case("", {}), "labels.csv is empty: name a table"),
    "a header alone": (Case("file,label\n", {}), "labels.csv holds no rows"),
    "an archive": (
        Case(b"PK\x03\x04....", {}),
        "labels.csv is a ZIP archive, not a table of labels: download it again, or save",
    ),
    "a broken Parquet table": (Case(b"PAR1....", {}, name="labels.parquet"), "is a broken Parquet table: make or"),
    "bytes": (Case(bytes(range(256)), {}), "labels.csv is no table of text"),
    "a web page": (Case("<!doctype html><html>", {}), "is a web page, not a table of labels"),
    "a quotation mark that is open": (Case('file,label\n"1.jpg,cat\n2.jpg,dog\n', {}), "a quotation mark in row 2"),
    "a row that is too long": (
        Case("file,label\n" + "1.jpg,cat\n" * 300 + "2.jpg,a,b\n", {}),
        "row 302 has 3 fields where others have 2",
    ),
    "a line that is no JSON": (Case('{"a": 1}\n[]\n', {}, name="labels.jsonl"), r"Line 2 of .* is no JSON object"),
    "no images": (
        Case("file,label\n8.jpg,cat\n9.jpg,dog\n", {}),
        r"None of the images in 'file' of labels.csv, such as '8.jpg', is in .*: name the folder .* --images DIR",
    ),
    "few images": (
        Case("file,label\n1.jpg,cat\n7.jpg,dog\n8.jpg,dog\n", {}),
        r"Fewer than half of those in 'file' .* or use those that are there with --image-column 'file'",
    ),
    "no column of images": (
        Case("a,b\nx,y\nz,y\n", {}),
        r"No column of labels.csv \(a, b\) names images in .*--image-",
    ),
    "several labels": (
        Case("file,color,kind\n1.jpg,red,cat\n2.jpg,blue,cat\n3.jpg,red,dog\n4.jpg,blue,dog\n", {}),
        r"Several columns of labels.csv can be the label \(color, kind\): choose one with --label-column",
    ),
    "no label": (Case("file,age\n1.jpg,1\n2.jpg,2\n3.jpg,3\n4.jpg,4\n", {}), "has no column that can be the label"),
    "files alone": (Case("1.jpg\n2.jpg\n", {}), "has no column that can be the label"),
    "a column that is not there": (
        Case("file,label\n" + ROWS, {}, options={"columns": {"label": "lable"}}),
        "labels.csv has no column 'lable' for --label-column: did you mean 'label'",
    ),
    "a split that is none": (
        Case("file,label,half\n1.jpg,a,left\n2.jpg,b,right\n", {}, options={"columns": {"split": "half"}}),
        "'half' of labels.csv holds left, right, which is neither train",
    ),
    "weights that are none": (
        Case("file,label,w\n1.jpg,a,-1\n2.jpg,b,2\n", {}, options={"columns": {"weight": "w"}}),
        "'w' of labels.csv holds '-1', which is no weight above 0",
    ),
    "an image column without images": (
        Case("file,label\n8.jpg,cat\n", {}, options={"columns": {"image": "file"}}),
        r"None of the images in 'file' of labels.csv, such as '8.jpg', is in .* --images DIR",
    ),
    "names of several files": (
        Case("file,label\n1,cat\n2,dog\n", {}, images="a/1.jpg a/2.jpg b/1.jpg b/2.jpg"),
        "The names in column 'file' of labels.csv, such as 1, fit several files in .* --images DIR",
    ),
    "a folder that is not there": (
        Case("file,label\n" + ROWS, {}, options={"images": "nowhere"}),
        "The folder of --images, nowhere, does not exist",
    ),
    "no labels at all": (
        Case("file,label\n1.jpg,\n2.jpg,\n", {}, options={"columns": {"label": "label"}}),
        r"No row of labels.csv can be used \(its row has no label\)",
    ),
    "a spreadsheet": (Case(b"PK\x03\x04", {}, name="labels.xlsx"), "labels.xlsx is a spreadsheet: save it as CSV"),
    "folders of parts": (
        Case("file,label\n" + ROWS, {}, options={"parts": {"test": "new"}}),
        "--test is for folders of class folders, and .* is a table",
    ),
    "a table that disagrees with the folders": (
        Case(OTHERWISE, {}, images=IN_CLASSES, source="."),
        r"two ways: the table labels.csv says the labels, new, old \(--label-column 'age'\), or the names of the "
        r"folders do, cat, dog \(--exclude 'labels.csv'\)",
    ),
    "a table of some corrections of the folders": (
        Case("file,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,dog\n4.jpg,dog\n", {}, images=IN_CLASSES, source="."),
        r"two ways: the table labels.csv says the labels, cat, dog \(--label-column 'label'\), or",
    ),
    "a table of several labels that disagrees with the folders": (
        Case(
            "file,age,light\n1.jpg,old,day\n2.jpg,new,day\n3.jpg,old,night\n4.jpg,new,day\n",
            {},
            images=IN_CLASSES,
            source=".",
        ),
        r"says the labels \(--label-column with one of age, light\), or the names",
    ),
    "columns of flags that disagree with the folders": (
        Case("file,a,b\n1.jpg,1,0\n2.jpg,0,1\n3.jpg,0,1\n4.jpg,1,0\n", {}, images=IN_CLASSES, source="."),
        r"says the labels, a, b \(--image-column 'file'\), or",
    ),
    "a table over folders of test images within training": (
        Case(
            "file,label\n1.jpg,x\n2.jpg,y\n3.jpg,y\n",
            {},
            images="train/a/1.jpg train/b/2.jpg train/test/a/3.jpg train/test/b/4.jpg",
            source=".",
        ),
        "--exclude 'train/test'",
    ),
    "two columns of one name": (
        Case("file,label,label\n1.jpg,cat,x\n2.jpg,dog,y\n", {}),
        "labels.csv has several columns called 'label': give each column a name of its own",
    ),
    "a fold below 0": (
        Case("file,label,fold\n1.jpg,cat,-1\n2.jpg,cat,0\n3.jpg,dog,1\n4.jpg,dog,0\n", {}),
        "'fold' of labels.csv holds the fold -1 in 1 row, which can mean .*: write the number of a fold, or leave",
    ),
    "addresses of images": (
        Case("url,label\nhttps://me:key@host/8.jpg,cat\nhttps://host/9.jpg,dog\n", {}),
        "'url' of labels.csv holds addresses of images, such as https://host/8.jpg, which are not downloaded: download",
    ),
    "a table that is not there": (Case("", {}, name="a.csv", source="b.csv"), "b.csv does not exist: name a table"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    case, message = REFUSED[name]
    with pytest.raises(UsageError, match=message) as caught:
        read(plant(tmp_path, case), **case.options)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_lists_beside_a_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "test_list.txt").write_text("1.jpg")
    reading = read(plant(tmp_path, Case("file,label\n" + ROWS, {}, source=".")))
    assert reading.notes[-1].startswith("not read: test_list.txt; ")


def test_groups_and_weights_are_those_of_the_rows(tmp_path: Path) -> None:
    table = "file,label,patient,weight\n1.jpg,cat,p1,0.5\n2.jpg,cat,p1,\n3.jpg,dog,,2\n4.jpg,dog,p2,1\n"
    items = read(plant(tmp_path, Case(table, {}))).items
    assert [(item.group, item.weight) for item in items] == [("p1", 0.5), ("p1", 1.0), (None, 2.0), ("p2", 1.0)]


def test_absolute_paths(tmp_path: Path) -> None:
    far = tmp_path / "far"
    plant(far, Case("", {}))
    rows = "".join(f"{far / file},{label}\n" for file, label in FOUR.items())
    reading = read(plant(tmp_path / "near", Case("path,label\n" + rows, {}, images="")))
    assert {item.path: say(item) for item in reading.items} == FOUR
    assert reading.root == far


def test_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, Case("file,label\na/1.jpg,cat\nb/1.jpg,dog\n", {}, images="a/1.jpg b/1.jpg"))
    monkeypatch.chdir(tmp_path)
    assert {item.path: say(item) for item in read("labels.csv").items} == {"a/1.jpg": "cat", "b/1.jpg": "dog"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["cat", "cat", "dog", "dog"], FOUR),
        ([1.0, 1.0, 2.0, 2.0], {f"{n}.jpg": str((n + 1) // 2) for n in range(1, 5)}),
    ],
)
def test_parquet(tmp_path: Path, labels: list[Any], expected: dict[str, str]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    plant(tmp_path, Case("", {}, name="empty"))
    parquet.write_table(pa.table({"file": list(FOUR), "label": labels}), tmp_path / "labels.parquet")
    reading = read(str(tmp_path / "labels.parquet"))
    assert {item.path: say(item) for item in reading.items} == expected


def test_parquet_that_holds_the_images_themselves(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"image": [{"bytes": b"x"}], "label": [1]}), tmp_path / "labels.parquet")
    with pytest.raises(DataError, match=r"holds the images themselves \(in 'image'\): save them as files"):
        read(str(tmp_path / "labels.parquet"))


def test_tables_of_parts(tmp_path: Path) -> None:
    for part, rows in {"train": "1,cat\n2,dog\n", "val": "3,cat\n", "test": "4,dog\n"}.items():
        source = plant(tmp_path, Case(f"image,label\n{rows}", {}, name=f"{part}.csv", source="."))
    plant(tmp_path, Case("id,label\n1,cat\n2,cat\n", {}, name="sample_submission.csv"))
    reading = read(source)
    assert [say(item) for item in reading.items] == ["train:cat", "train:dog", "val:cat", "test:dog"]
    assert len(reading.understood) == 3


def test_a_table_of_test_images_without_labels_is_not_used(tmp_path: Path) -> None:
    plant(tmp_path, Case("id\n3\n4\n", {}, images="train/1.jpg train/2.jpg test/3.jpg test/4.jpg", name="test.csv"))
    reading = read(plant(tmp_path, Case("id,label\n1,cat\n2,dog\n", {}, images="", name="train.csv", source=".")))
    assert {item.path: say(item) for item in reading.items} == {"train/1.jpg": "cat", "train/2.jpg": "dog"}
    assert "test.csv is not used" in told(reading)


def test_metadata_in_the_folders_of_parts(tmp_path: Path) -> None:
    for part in ("train", "validation", "test"):
        table = "file_name,label\n1.jpg,cat\n2.jpg,dog\n"
        images = f"{part}/1.jpg {part}/2.jpg"
        source = plant(tmp_path, Case(table, {}, images=images, name=f"{part}/metadata.csv", source="."))
    expected = {f"{f}/{n}.jpg": f"{p}:{c}" for f, p in PARTS.items() for n, c in ((1, "cat"), (2, "dog"))}
    assert {item.path: say(item) for item in read(source).items} == expected


PARTS = {"train": "train", "validation": "val", "test": "test"}


def test_several_tables_of_the_same_images_are_asked_about(tmp_path: Path) -> None:
    plant(tmp_path, Case("file,label\n" + ROWS, {}, name="one.csv"))
    source = plant(tmp_path, Case("file,label\n" + ROWS, {}, name="two.csv", source="."))
    with pytest.raises(
        DataError, match=r"several tables of its images \(one.csv, two.csv\): name one of them, such as"
    ):
        read(source)


@pytest.mark.parametrize(
    "images",
    [
        "cat/1.jpg dog/1.jpg",
        "train/cat/1.jpg train/dog/1.jpg test/cat/1.jpg test/dog/1.jpg",
        "a/b/cat/1.jpg a/b/dog/1.jpg",
    ],
)
def test_class_folders_are_read_as_without_a_table_that_tells_nothing_of_them(tmp_path: Path, images: str) -> None:
    source = plant(tmp_path, Case("file,label\n1.jpg,cat\n", {}, images=images, source="."))
    assert read(source).items == FolderReader().read(source, ReadingOptions()).items


@pytest.mark.parametrize("name", ["images", "notes.md", "labels", "data.zip"])
def test_other_sources_are_left_to_others(tmp_path: Path, name: str) -> None:
    assert not TableReader().accepts(str(tmp_path / name))


@pytest.mark.parametrize("splits", [(), ("train", "test")])
@pytest.mark.parametrize("beside", [True, False])
def test_a_table_over_class_folders_gives_what_the_folders_give(
    tmp_path: Path, make_dataset: Callable[..., Path], splits: tuple[str, ...], beside: bool
) -> None:
    root = make_dataset(
        tmp_path, classes=("ash", "birch"), per_class=4, size=20, **({"splits": splits} if splits else {})
    )
    table = (root.parent if beside else root) / "labels.csv"
    files = sorted(root.rglob("*.png"))
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label"])
        writer.writerows([file.relative_to(root).as_posix(), file.parent.name] for file in files)
    by_table, by_folders = scan(table), scan(root)
    assert by_table.fingerprint == by_folders.fingerprint
    assert by_table.images == by_folders.images
    assert by_table.root == by_folders.root


def test_images_of_several_labels_are_refused_with_their_number(tmp_path: Path) -> None:
    rows = "1.jpg,a|b\n2.jpg,b|a\n3.jpg,a\n4.jpg,b\n"
    source = plant(tmp_path, Case(f"file,label\n{rows}", {}))
    with pytest.raises(
        DataError, match=r"^2 of 4 images have several labels, such as 1.jpg \(a, b\), but .* choose one"
    ):
        scan(source)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@example(content=b'"', ending=".csv")
@example(content=b"1.jpg,a\n1.jpg,b\n", ending=".csv")
@example(content=b"\xff\xfea\x00\xff", ending=".csv")
@example(content=b"[" * 5000, ending=".jsonl")
@given(
    content=some.one_of(
        some.binary(max_size=80),
        some.text('1.jpg,;\t|"\n\r ab', max_size=60).map(str.encode),
        some.text(max_size=40).map(lambda text: f"file,label\n1.jpg,{text}\n2.jpg,b\n".encode(errors="replace")),
    ),
    ending=some.sampled_from([".csv", ".tsv", ".txt", ".jsonl", ".parquet"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, ending: str) -> None:
    source = plant(tmp_path, Case(content, {}, name=f"labels{ending}"))
    with suppress(TlsearchError):
        reading = TableReader().read(source, ReadingOptions())
        assert all(item.labels and "\\" not in item.path for item in reading.items)


@pytest.mark.parametrize("strange", ["extra", "PrivateTest", "hold out"])
def test_a_split_that_is_understood_in_part_is_refused(
    tmp_path: Path, make_dataset: Callable[..., Path], strange: str
) -> None:
    root = make_dataset(tmp_path, classes=("a", "b"), per_class=4, size=32)
    rows = ["file,label,split"]
    for label in "ab":
        rows += [f"{label}/{n:03}.png,{label},{part}" for n, part in enumerate(("train", "train", "test", strange))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match=f"'split' is called like a split and holds {strange!r} beside"):
        scan(tmp_path / "labels.csv", reading=ReadingOptions(images=str(root)))
