"""What every place for files promises."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from regulars.errors import StoreError
from regulars.storage.files import FileStore, ObjectFiles, open_files


def _publish(files: FileStore, name: str, content: bytes) -> None:
    local = files.scratch() / "part"
    local.write_bytes(content)
    files.publish(local, name)


def test_a_published_file_is_read_back_on_another_machine(new_files: Callable[[], FileStore]) -> None:
    _publish(new_files(), "default/events/a.parquet", b"content")

    assert new_files().local("default/events/a.parquet").read_bytes() == b"content"
    assert new_files().size("default/events/a.parquet") == 7


def test_an_empty_file_is_a_file(files: FileStore) -> None:
    _publish(files, "empty", b"")

    assert files.local("empty").read_bytes() == b""
    assert files.list() == ["empty"]


def test_the_local_file_is_gone_once_published(files: FileStore) -> None:
    local = files.scratch() / "part"
    local.write_bytes(b"content")

    files.publish(local, "a")

    assert not local.exists()


def test_a_file_from_elsewhere_can_be_published(files: FileStore, tmp_path: Path) -> None:
    local = tmp_path / "elsewhere"
    local.write_bytes(b"content")

    files.publish(local, "a")

    assert files.local("a").read_bytes() == b"content"


def test_a_name_is_published_once_and_keeps_its_first_content(new_files: Callable[[], FileStore]) -> None:
    _publish(new_files(), "a", b"first")

    with pytest.raises(StoreError, match="exists already"):
        _publish(new_files(), "a", b"second")

    assert new_files().local("a").read_bytes() == b"first"


def test_a_name_that_is_overwritten_has_its_last_content(new_files: Callable[[], FileStore]) -> None:
    for content in (b"first", b"second"):
        files = new_files()
        local = files.scratch() / "part"
        local.write_bytes(content)
        files.overwrite(local, "exports/a.csv")
        assert not local.exists()

    found = new_files()
    assert (found.local("exports/a.csv").read_bytes(), found.list()) == (b"second", ["exports/a.csv"])


def test_of_eight_that_publish_one_name_at_once_exactly_one_wins(files: FileStore) -> None:
    def attempt(n: int) -> bytes | None:
        try:
            _publish(files, "a", str(n).encode())
        except StoreError:
            return None
        return str(n).encode()

    with ThreadPoolExecutor(8) as pool:
        winners = [content for content in pool.map(attempt, range(8)) if content is not None]

    assert [files.local("a").read_bytes()] == winners


def test_a_missing_file_is_an_error_and_never_empty(files: FileStore) -> None:
    with pytest.raises(StoreError, match="nowhere is not in"):
        files.local("nowhere")
    with pytest.raises(StoreError, match="nowhere is not in"):
        files.size("nowhere")


def test_listing_is_sorted_and_by_prefix_of_the_name_not_of_the_folder(files: FileStore) -> None:
    for name in ("b/2", "a/1", "b/1", "bb/1", "b/sub/3"):
        _publish(files, name, b"x")

    assert files.list("b/") == ["b/1", "b/2", "b/sub/3"]
    assert files.list("b") == ["b/1", "b/2", "b/sub/3", "bb/1"]
    assert files.list("b/s") == ["b/sub/3"]
    assert files.list("c/") == []
    assert files.list() == ["a/1", "b/1", "b/2", "b/sub/3", "bb/1"]


def test_unfinished_files_are_not_listed_and_are_swept(files: FileStore) -> None:
    unfinished = files.scratch() / "part"
    unfinished.write_bytes(b"half")

    assert files.list() == []

    files.sweep()

    assert not unfinished.exists()


def test_deleting_can_be_repeated(files: FileStore) -> None:
    _publish(files, "a", b"x")

    files.delete("a")
    files.delete("a")

    assert files.list() == []
    with pytest.raises(StoreError):
        files.local("a")


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "a/../../b"])
def test_names_stay_inside_the_store(files: FileStore, name: str) -> None:
    with pytest.raises(StoreError, match="not a name inside the store"):
        _publish(files, name, b"x")


def test_odd_letters_in_names_are_kept(files: FileStore) -> None:
    name = "default/capitan/check ins/2026-01-05/%41+é#1.ndjson"

    _publish(files, name, b"x")

    assert files.list("default/") == [name]
    assert files.local(name).read_bytes() == b"x"


def test_a_large_file_is_published_whole(new_files: Callable[[], FileStore]) -> None:
    content = bytes(range(256)) * 60_000     # 15 MB: more than one part of an object store's upload

    _publish(new_files(), "large", content)

    assert new_files().local("large").read_bytes() == content


def test_an_object_store_that_does_not_answer_is_retryable(tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="obstore is missing; type: scripts/setup dev")
    files = open_files("s3://bucket/prefix?endpoint=http://127.0.0.1:9", tmp_path)
    assert isinstance(files, ObjectFiles)

    with pytest.raises(StoreError) as raised:
        files.list()

    assert raised.value.retryable


@pytest.mark.parametrize("url", ["ftp://host/folder", "s3://bucket?colour=red"])
def test_a_place_that_means_nothing_is_refused_with_what_would_be_right(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        open_files(url, tmp_path)

    assert raised.value.hint


def test_copies_of_what_another_machine_deleted_are_pruned(new_files: Callable[[], FileStore], tmp_path: Path) -> None:
    here, there = new_files(), new_files()
    for name in ("a/kept", "a/gone"):
        local = here.scratch() / "x"
        local.write_bytes(b"x")
        here.publish(local, name)
    gone = here.local("a/gone")
    there.delete("a/gone")

    here.prune()

    assert not gone.exists()
    assert here.local("a/kept").read_bytes() == b"x"
