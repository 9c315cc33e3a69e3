"""No password of an address is left, and nothing else is lost."""

from __future__ import annotations

import pytest

from tlsearch.utils.passwords import Login, hide_passwords, split_login, with_password, without_password


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
        ("https://host:5000/a@b?x=1", "https://host:5000/a@b?x=1"),
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
    assert split_login("https://host:5000/a@b") == Login(address="https://host:5000/a@b")
    assert "s3cret" not in repr(split_login("https://ann:s3cret@host"))


@pytest.mark.parametrize("password", ["s3cret", "s3/cret", "s3cret@x", "77"])
def test_a_text_loses_the_logins_in_it_and_nothing_else(password: str) -> None:
    text = f"API request to https://ann:{password}@host:1/api failed (see 'postgresql://ann:{password}@h/db'): 12:30"
    assert hide_passwords(text) == "API request to https://host:1/api failed (see 'postgresql://h/db'): 12:30"
    plain = "no login: https://host:5000/a@b, s3://bucket/a:b, ann:word@host"
    assert hide_passwords(plain) == plain


def test_an_address_finds_its_password_again() -> None:
    kept, whole = "postgresql://ann@host/db", "postgresql://ann:s3cret@host/db"
    assert with_password(kept, None, "postgresql://ann:other@elsewhere/db", whole) == whole
    assert with_password(kept, None, "postgresql://bob:s3cret@host/db") == kept
