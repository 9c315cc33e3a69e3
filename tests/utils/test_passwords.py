"""No password of an address is left, and nothing else is lost."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tlsearch.utils.passwords import (
    Login,
    hide_passwords,
    login_fault,
    remember,
    remember_argument,
    split_login,
    with_password,
    without_password,
)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ann:s3cret@host:5000/ml", "https://host:5000/ml"),
        ("postgresql+psycopg2://ann:s3cret@host/db", "postgresql+psycopg2://ann@host/db"),
        ("postgresql://ann:s3/cr@et#?@host:5432/db", "postgresql://ann@host:5432/db"),
        ("postgresql://:s3cret@host/db", "postgresql://host/db"),
        ("postgresql://ann:1234@host/db", "postgresql://ann@host/db"),
        (
            "mysql://ann:s3cret@host/db?ssl_ca=a.pem&password=s3cret&sslkey=k.pem",
            "mysql://ann@host/db?ssl_ca=a.pem&sslkey=k.pem",
        ),
        ("mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Ds3cret", "mssql+pyodbc:///"),
        ("https://token@host", "https://host"),
        ("https://host:5000/a%40b?id=1", "https://host:5000/a%40b?id=1"),
        # All before the last @ goes where it may be of a login.
        ("https://host:5000/a@b", "https://b"),
        ("http://u:it's3cret@host:9", "http://host:9"),
        ('http://u:it"s3 cret@host:9', "http://host:9"),
        ("http://admin:p@s3/cret-1@host:5000", "http://host:5000"),
        ("http://user:s3:cret@77/pw@127.0.0.1:9", "http://127.0.0.1:9"),
        (" http://u:s3cret@host", "http://host"),
        ("postgresql+psycopg2://u:it's3cret@host:9/x", "postgresql+psycopg2://u@host:9/x"),
        ("u:s3cret@127.0.0.1:5000", "127.0.0.1:5000"),
        ("HTTP:/u:s3cret@host", "HTTP:/host"),
        ("//u:s3cret@host", "host"),
        ("/u:s3cret@host", "host"),
        ("http//u:s3cret@host", "host"),
        # Only parameters that are known to be no secret stay.
        ("https://host/x?sig=s3cret&pw=s3cret&auth=s3cret&id=7", "https://host/x?id=7"),
        ("https://host/x?s3cret", "https://host/x"),
        ("https://host/x#s3cret", "https://host/x"),
        ("postgresql://h/db?sslmode=require&options=-csearch_path%3Da",) * 2,
        ("mssql+pyodbc://h/db?driver=ODBC+18;PWD=s3cret&Encrypt=yes", "mssql+pyodbc://h/db?Encrypt=yes"),
        ("https://host:5000", "https://host:5000"),
        ("sqlite:////home/a@b/c:d@e.db", "sqlite:////home/a@b/c:d@e.db"),
        ("sqlite:///C:\\a@b\\x.db", "sqlite:///C:\\a@b\\x.db"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
        ("s3://bucket/pets", "s3://bucket/pets"),
        ("/a path/with:colon@sign", "/a path/with:colon@sign"),
    ],
)
def test_an_address_keeps_all_but_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
    assert without_password(shown) == shown


def test_user_and_password_are_taken_out_unescaped() -> None:
    assert split_login("https://a%40b:p%2Fq@host/x") == Login(address="https://host/x", user="a@b", password="p/q")
    assert split_login("https://ann:p@q@host") == Login(address="https://host", user="ann", password="p@q")
    assert split_login("https://ann@host") == Login(address="https://host", user="ann")
    assert split_login("https://ann:it's 1@host") == Login(address="https://host", user="ann", password="it's 1")
    assert "s3cret" not in repr(split_login("https://ann:s3cret@host"))


@pytest.mark.parametrize("password", ["s3cret", "s3/cret", "s3cret@x", "77"])
def test_a_text_loses_the_logins_in_it_and_nothing_else(password: str) -> None:
    text = f"API request to https://ann:{password}@host:1/api failed (see 'postgresql://ann:{password}@h/db'): 12:30"
    assert hide_passwords(text) == "API request to https://host:1/api failed (see 'postgresql://h/db'): 12:30"
    plain = "no login: https://host:5000/a@b, s3://bucket/a:b, ann:word@host"
    assert hide_passwords(plain) == plain


@pytest.mark.parametrize(
    "address",
    [
        "http://admin:p@ss/word-1234@host:5000",
        "http://user:sek:ret@77/pw@127.0.0.1:9",
        "http://user:77/pw@127.0.0.1:9",
        "https://host:5000/a@b",
        "https://token/x@host",
        "https://host/x?user=a@b",
        "postgresql://ann:p@w@host/db",
        "postgresql://ann:pw@host/d@b",
        "u:sekret77@127.0.0.1:5000",
        "HTTP:/u:sekret77@127.0.0.1:5000",
    ],
)
def test_a_login_that_may_end_elsewhere_is_a_fault_that_shows_nothing(address: str) -> None:
    fault = login_fault(address)
    assert ("write %40 for @" in fault) or ("begin it with a scheme" in fault)
    assert not any(part in fault for part in ("sek", "word", "token", "ann", "host", "127"))


@pytest.mark.parametrize(
    "address",
    [
        "http://u:it's 1@host", "http://ann:p@q@host", "http://ann:p/q@host:5000", "https://token@host", "https://host",
        "postgresql://ann:s3/cret@host/db", "postgresql://ann@host/db", "sqlite:////home/a@b/c:d@e.db", "databricks",
        "./a@b", "/home/a:b@c", "C:\\a@b",
    ],
)  # fmt: skip
def test_a_login_that_is_plain_is_none(address: str) -> None:
    assert login_fault(address) == ""


@pytest.mark.parametrize(
    "password", ["it's3cret", "s3 cret", "a\"s3'cret", "p@s3/cret", "<s3>&cret", "77/pw@1", "é%20s3"]
)
@pytest.mark.parametrize("written", [str, lambda text: quote(text, safe="")])
def test_what_was_remembered_is_found_however_a_text_writes_it(password: str, written: Callable[[str], str]) -> None:
    address = f"postgresql://ann:{written(password)}@host:1/db"
    texts = [f"at {address}: {address!r}", json.dumps({"at": address}), html.escape(address), f"key ({password})"]
    texts += [repr(password), quote(password, safe=""), shlex.quote(address), f"host {address.rpartition('//')[2]!r}"]
    remember(address)
    for text in texts:
        hidden = hide_passwords(text)
        assert not any(part in hidden for part in (password, quote(password, safe=""), "s3", "77")), text
    assert hide_passwords(f"at {address}: no") == "at postgresql://host:1/db: no"
    plain = "12 of s34 at postgresql://ann@host:1/db"
    assert hide_passwords(plain) == plain


def test_tokens_and_secret_parameters_are_remembered_and_short_or_usual_words_are_not() -> None:
    remember("https://t0ken@host/x?sig=s1gned&name=pets")
    assert hide_passwords("t0ken, s1gned, pets, https://other@x") == "***, ***, pets, https://x"
    remember("http://mlflow:mlflow@host")
    remember("http://ann:1@host")
    assert hide_passwords("mlflow.db has 1 run; http://mlflow:mlflow@host") == "mlflow.db has 1 run; http://host"
    remember_argument("--storage=mysql://ann:w0rds@host/db")
    remember_argument("a:b@c")
    assert hide_passwords("w0rds of a:b@c") == "*** of a:b@c"


def test_an_address_finds_its_password_again() -> None:
    kept, whole = "postgresql://ann@host/db", "postgresql://ann:s3cret@host/db"
    assert with_password(kept, None, "postgresql://ann:other@elsewhere/db", whole) == whole
    assert with_password(kept, None, "postgresql://bob:s3cret@host/db") == kept
