"""Files are written whole or not at all."""

from __future__ import annotations

import json
import os

import pytest

from captum_deconvnet.cli.output import check_folder, write_json, write_whole


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail(part):
        part.write_text("half")
        raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_a_write_that_ends_well_replaces_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    write_whole(path, lambda part: part.write_text("new"))
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_link_is_followed_and_not_replaced(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, lambda part: part.write_text("new"))
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, lambda part: part.write_text("through"))
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_missing_folder_is_found_before_the_work(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such folder"):
        check_folder(tmp_path / "absent" / "file.png")


def test_a_folder_is_not_overwritten(tmp_path):
    with pytest.raises(IsADirectoryError):
        check_folder(tmp_path)


def test_json_goes_to_a_file_and_says_where(tmp_path, capsys):
    path = tmp_path / "facts.json"
    write_json(str(path), {"a": [1, 2.5]})
    assert json.loads(path.read_text()) == {"a": [1, 2.5]}
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"wrote {path}\n"


def test_json_on_stdout_is_alone_there(capsys):
    write_json("-", {"a": 1})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 1}
    assert captured.err == ""
