"""Small tables whose columns are shaped and named as people have them, each with what it must give."""

from __future__ import annotations

from tests.helpers.readers.tables import FOUR, IMAGES, ROWS, Case

TABLES_OF_COLUMNS: dict[str, Case] = {
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
    "places beside labels": Case(
        "file,x,y,kind\n1.jpg,0,1,cat\n2.jpg,1,0,cat\n3.jpg,0,0,dog\n4.jpg,1,1,dog\n",
        FOUR,
        says=("label from 'kind'",),
    ),
    "numbers of rows that are there again, as of joined tables": Case(
        ",file,kind\n0,1.jpg,cat\n1,2.jpg,cat\n0,3.jpg,dog\n1,4.jpg,dog\n", FOUR, says=("label from 'kind'",)
    ),
    "x and y": Case("x,y\n1,cat\n2,cat\n3,dog\n4,dog\n", FOUR, says=("image from 'x', label from 'y'",)),
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
    "groups of slides": Case(
        "image_id,slide_id,dx\n1,s1,cat\n2,s1,cat\n3,s2,dog\n4,s2,dog\n", FOUR, says=("group from 'slide_id'",)
    ),
    "individuals are what is to be told apart": Case(
        "image,individual_id\n1.jpg,cat\n2.jpg,cat\n3.jpg,dog\n4.jpg,dog\n", FOUR, says=("label from 'individual_id'",)
    ),
    "weights": Case(
        "file,label,weight\n1.jpg,cat,0.5\n2.jpg,cat,2\n3.jpg,dog,1\n4.jpg,dog,1\n",
        FOUR,
        says=("weight from 'weight'",),
    ),
    "columns that are named": Case(
        "a,b,c\n1.jpg,cat,x\n2.jpg,cat,y\n3.jpg,dog,x\n4.jpg,dog,y\n", FOUR, options={"columns": {"label": "B"}}
    ),
}
