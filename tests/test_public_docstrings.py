"""Public docstrings name every argument, and errors that exist."""

from __future__ import annotations

import builtins
import inspect
import re

import pytest

import captum_deconvnet as cdn
from captum_deconvnet import errors

NOT_MADE = {"Recording", "CorrespondenceScores", "LoadedModel.from_file"}
"""What users do not make themselves, and the default of a field."""


def public():
    """Every public function, class and method, by name."""
    for name in sorted(cdn.__all__):
        found = getattr(cdn, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            yield name, found
        if inspect.isclass(found):
            for method, item in vars(found).items():
                function = item.fget if isinstance(item, property) else item
                function = getattr(function, "__func__", function)
                if inspect.isfunction(function) and not method.startswith("_"):
                    yield f"{name}.{method}", function
    yield "targets.ClassInMask", cdn.targets.ClassInMask
    yield "targets.BoxScore", cdn.targets.BoxScore


PUBLIC = dict(public())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_has_a_word(name):
    said = inspect.getdoc(PUBLIC[name])
    assert said
    if name in NOT_MADE:
        return
    given = {*inspect.signature(PUBLIC[name]).parameters} - {"self", "cls"}
    if not given:
        return
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", said, re.M)
    assert section, f"{name} has no Args"
    named = set(re.findall(r"^    \*{0,2}(\w+):", section.group(1), re.M))
    assert named == given


@pytest.mark.parametrize("name", PUBLIC)
def test_every_error_that_is_named_exists(name):
    said = inspect.getdoc(PUBLIC[name])
    section = re.search(r"^(?:Raises|Warns):\n((?:    .*\n?)+)", said, re.M)
    for error in re.findall(r"^    (\w+):", section.group(1), re.M) if section else ():
        found = getattr(errors, error, None) or getattr(builtins, error, None)
        assert isinstance(found, type), error
        assert issubclass(found, Exception), error


def test_every_error_says_when_it_is_raised():
    for error in vars(errors).values():
        if inspect.isclass(error) and issubclass(error, Exception):
            assert inspect.getdoc(error)
