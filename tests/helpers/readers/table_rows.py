"""Small tables whose rows name images as people do, or are wrong, each with what it must give."""

from __future__ import annotations

from tests.helpers.readers.tables import FOUR, IMAGES, ROWS, Case

TABLES_OF_ROWS: dict[str, Case] = {
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
            "1 name in the table fits several files, such as 1.jpg: write names with their folders, or leave out",
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
}
