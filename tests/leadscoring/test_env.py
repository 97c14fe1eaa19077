from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from leadscoring.env import Environment


def read(**variables: str) -> Environment:
    return Environment(variables)


@pytest.mark.parametrize(
    ("word", "meaning"), [("1", True), ("Yes", True), ("ON", True), ("0", False), ("no", False)]
)
def test_a_flag_understands_the_usual_words(word: str, meaning: bool) -> None:
    assert read(A=word).flag("A", not meaning) is meaning


@pytest.mark.parametrize("blank", ["", "   "])
def test_a_blank_variable_counts_as_not_set(blank: str) -> None:
    assert read(A=blank).flag("A", True) is True
    assert read(A=blank).integer("A", 7, minimum=0, maximum=9) == 7
    assert read(A=blank).words("A", ["x"]) == ["x"]


@pytest.mark.parametrize("nonsense", ["maybe", "2", "tru e"])
def test_a_flag_refuses_nonsense_with_name_value_and_expectation(nonsense: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=rf"DEBUG is '{nonsense}'; expected one of 1, true"):
        read(DEBUG=nonsense).flag("DEBUG", False)


@pytest.mark.parametrize("nonsense", ["", "1.5", "ten", "1e3", "٣", "9" * 30, "-1", "101", "0x10"])
def test_an_integer_stays_in_its_range_or_is_refused(nonsense: str) -> None:
    if not nonsense:
        assert read(N=nonsense).integer("N", 5, minimum=1, maximum=100) == 5
        return
    with pytest.raises(ImproperlyConfigured, match="expected a whole number from 1 to 100"):
        read(N=nonsense).integer("N", 5, minimum=1, maximum=100)


def test_a_choice_is_one_of_its_words() -> None:
    assert read(L="debug").choice("L", "INFO", allowed=("DEBUG", "INFO")) == "DEBUG"
    with pytest.raises(ImproperlyConfigured, match="L is 'loud'; expected one of DEBUG, INFO"):
        read(L="loud").choice("L", "INFO", allowed=("DEBUG", "INFO"))


def test_words_are_split_at_commas_and_holes_are_refused() -> None:
    assert read(H="a.example, b.example").words("H") == ["a.example", "b.example"]
    for nonsense in ("a,,b", "a b", ","):
        with pytest.raises(ImproperlyConfigured, match="separated by single commas"):
            read(H=nonsense).words("H")


def test_origins_need_a_scheme_and_a_host() -> None:
    assert read(O="https://a.example/").origins("O") == ["https://a.example"]
    for nonsense in ("a.example", "ftp://a.example", "https://a.example/path", "https://"):
        with pytest.raises(ImproperlyConfigured, match="expected origins such as"):
            read(O=nonsense).origins("O")


def test_a_label_is_short_and_plain() -> None:
    assert read().label("A", maximum_length=8) == ""
    assert read(A=" leads-1.b_2 ").label("A", maximum_length=12) == "leads-1.b_2"
    for nonsense in ("two words", "leads:*", "größe", "a/b", "{a}", "a" * 13):
        with pytest.raises(ImproperlyConfigured, match=r"A is .*; expected at most 12 letters, digits"):
            read(A=nonsense).label("A", maximum_length=12)


def test_a_directory_may_not_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    assert read(D=str(tmp_path / "new")).directory("D", tmp_path) == tmp_path / "new"
    with pytest.raises(ImproperlyConfigured, match=r"D is .*expected a directory"):
        read(D=str(file)).directory("D", tmp_path)


def test_a_short_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(ImproperlyConfigured, match="at least 50 characters") as caught:
        read(SECRET_KEY="hunter2").secret("SECRET_KEY", minimum_length=50)
    assert "hunter2" not in str(caught.value)


def test_a_url_of_another_scheme_is_refused_without_its_password() -> None:
    with pytest.raises(ImproperlyConfigured, match="expected a URL starting with redis") as caught:
        read(REDIS_URL="mysql://me:hunter2@host/0").url("REDIS_URL", schemes=("redis", "rediss"))
    assert "hunter2" not in str(caught.value)


def test_a_url_with_an_impossible_port_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL is not a readable URL"):
        read(REDIS_URL="redis://:hunter2@host:99999/0").url("REDIS_URL", schemes=("redis",))


def database(url: str, pool_size: int = 0) -> dict[str, object]:
    return read(DATABASE_URL=url).database("DATABASE_URL", sqlite_default=Path("/x/db"), pool_size=pool_size)


def test_without_a_url_the_database_is_sqlite_with_immediate_transactions() -> None:
    entry = database("")
    options = entry["OPTIONS"]
    assert entry["ENGINE"] == "django.db.backends.sqlite3"
    assert entry["NAME"] == Path("/x/db")
    assert isinstance(options, dict)
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "foreign_keys=ON" in options["init_command"]


def test_a_postgresql_url_is_taken_apart() -> None:
    entry = database("postgresql://me:p%40ss@db.example:6432/leads?sslmode=require")
    assert {key: entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "leads",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
    }
    assert entry["OPTIONS"] == {"connect_timeout": 5, "sslmode": "require"}


def test_a_postgresql_socket_is_named_by_its_directory() -> None:
    entry = database("postgresql:///leads?host=/var/run/postgresql")
    assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("/var/run/postgresql", "", "leads")


def test_a_pool_and_persistent_connections_exclude_each_other() -> None:
    pooled = database("postgresql:///leads", pool_size=4)
    assert pooled["CONN_MAX_AGE"] == 0
    assert isinstance(pooled["OPTIONS"], dict)
    assert pooled["OPTIONS"]["pool"]["max_size"] == 4
    assert database("postgresql:///leads")["CONN_MAX_AGE"] == 60


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hunter2@host", "without a database"),
        ("postgresql://me:hunter2@host/leads?colour=red", "unknown options colour"),
        ("sqlite://hunter2/leads", "expected sqlite:///relative.db"),
        ("mongodb://me:hunter2@host/leads", "expected a URL starting with postgresql:"),
    ],
)
def test_a_database_url_that_cannot_work_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        database(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+starttls://ann:p%40ss@mail.example", ("mail.example", 587, "ann", "p@ss", "starttls")),
        ("smtps://mail.example:4650", ("mail.example", 4650, "", "", "ssl")),
        ("smtp://localhost", ("localhost", 25, "", "", "")),
    ],
)
def test_a_mail_server_is_read(url: str, expected: tuple[object, ...]) -> None:
    server = read(EMAIL_URL=url).mail("EMAIL_URL")
    assert server is not None
    assert (server.host, server.port, server.user, server.password, server.security) == expected
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url", ["http://mail.example", "smtp://", "smtp://ann:pw@host/path", "smtp://host:port"]
)
def test_what_is_no_mail_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as found:
        read(EMAIL_URL=url).mail("EMAIL_URL")
    assert "pw" not in str(found.value)


def test_without_a_mail_server_there_is_none() -> None:
    assert read().mail("EMAIL_URL") is None


@pytest.mark.parametrize("address", ["ann", "@example.com", "ann@", "a@b@c"])
def test_an_address_is_an_address(address: str) -> None:
    assert read(F="Leads <leads@example.com>").address("F", "x") == "Leads <leads@example.com>"
    with pytest.raises(ImproperlyConfigured, match="e-mail address"):
        read(F=address).address("F", "x")


def test_keys_are_long_enough_and_never_shown() -> None:
    assert read(K=f"{'a' * 32}, {'b' * 32}").secrets("K", minimum_length=32) == ["a" * 32, "b" * 32]
    assert read().secrets("K", minimum_length=32) == []
    with pytest.raises(ImproperlyConfigured, match="at least 32") as found:
        read(K=f"{'a' * 32},hunter2").secrets("K", minimum_length=32)
    assert "hunter2" not in str(found.value)
