import os
import stat
from pathlib import Path

from leadscoring.places import LONGEST_SOCKET_PATH, Places, celery_url, keep_secret_key


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    first = keep_secret_key(path)
    assert len(first) >= 50
    assert keep_secret_key(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret_key"]


def test_the_directory_is_closed_to_others(tmp_path: Path) -> None:
    places = Places(tmp_path / "deep" / "var")
    places.prepare()
    assert stat.S_IMODE(places.root.stat().st_mode) == 0o700


def test_the_brokers_socket_lies_under_the_directory() -> None:
    assert Places(Path("/srv/var")).broker_url == "unix:///srv/var/broker/valkey.sock"


def test_a_path_too_long_for_a_socket_gets_a_short_one_of_its_own() -> None:
    long, other = Places(Path("/" + "x" * 200)), Places(Path("/" + "y" * 200))
    assert len(os.fsencode(long.broker_socket)) <= LONGEST_SOCKET_PATH
    assert long.broker_socket != other.broker_socket
    assert long.broker_socket == Places(Path("/" + "x" * 200)).broker_socket


def test_celery_spells_a_socket_in_its_own_way() -> None:
    assert celery_url("unix:///srv/valkey.sock") == "redis+socket:///srv/valkey.sock"
    assert celery_url("redis://host:6379/0") == "redis://host:6379/0"
