"""What the README shows runs, and what it promises is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from captum_deconvnet.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.weights
def test_the_first_example_runs_and_its_shapes_are_as_its_comments_say(capsys):
    names = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    assert names["projection"].shape == (1, *names["image"].shape[1:])
    assert names["projection"].abs().max() > 0
    assert "transposed filter" in capsys.readouterr().out


def test_every_command_line_in_it_is_understood():
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    calls = [shlex.split(line, comments=True) for line in lines if line.startswith("deconvnet ")]
    assert len(calls) > 5
    for _, name, *arguments in calls:
        command = main.get_command(click.Context(main), name)  # ours, or a plugin's
        with command.make_context(name, arguments):  # parses, and runs nothing
            pass


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")], ids=str)
def test_every_link_into_the_repository_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert targets or page.name != "README.md" or page.parent != ROOT
    for target in targets:
        assert (page.parent / target).exists(), target


def test_it_is_short():
    assert len(README.splitlines()) <= 110


def test_the_two_commands_are_there():
    assert "\npip install . && deconvnet demo\n" in README
    assert "\npip install '.[test]' && pytest -n auto\n" in README


def test_ci_runs_the_readmes_own_test_command():
    for script in (".ci/run", ".github/workflows/ci.yml"):
        (pattern,) = re.findall(r'grep --max-count=1 "(\^[^"]+)"', (ROOT / script).read_text())
        found = [line for line in README.splitlines() if re.match(pattern, line)]
        assert found == ["pip install '.[test]' && pytest -n auto"]
