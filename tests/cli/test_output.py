"""A path is checked before the work, and JSON is written."""

from __future__ import annotations

import json

import pytest

from captum_deconvnet.cli.output import check_folder, write_json


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
