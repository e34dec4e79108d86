"""``deconvnet plugins`` tells what is loaded, and what is broken and why."""

from __future__ import annotations

from types import ModuleType

from captum_deconvnet.cli.commands import listing
from captum_deconvnet.registry import Registry, hookimpl


@hookimpl
def register_models(register):
    register("guest", ["one", "two"], lambda name, weights: None)


@hookimpl
def register_model(register):
    """A hook that does not exist."""


def guest(**hooks):
    """A plugin module with these hooks."""
    module = ModuleType("guest")
    vars(module).update(hooks)
    return module


def lines_about(name, plugin):
    """The listing's lines, in words, with ``name`` in them, when ``plugin`` alone is registered."""
    registry = Registry([])
    registry.register(plugin, "guest", distribution="guest-distribution", version="1.2")
    lines = listing(registry.plugins).splitlines()
    return [line.split() for line in lines if name in line]


def test_a_loaded_plugin_is_shown_with_its_distribution_its_models_and_its_hooks():
    plugin = guest(register_models=register_models)
    assert lines_about("guest", plugin) == [
        ["guest", "guest-distribution", "1.2", "guest/", "models"]
    ]


def test_a_plugin_that_adds_nothing_is_shown_with_the_reason():
    (line,) = lines_about("guest", guest())
    assert " ".join(line).startswith("not in use: guest: TypeError: it has no hook")


def test_a_misspelled_hook_is_reported_with_the_hook_that_was_meant():
    (line,) = lines_about("guest", guest(register_model=register_model))
    assert "'register_models'" in " ".join(line)


def test_no_plugins_are_said_to_be_none():
    assert listing(()) == "No plugins are installed."


def test_a_plugin_that_cannot_be_imported_is_shown_with_the_reason_and_disturbs_no_other(installed):
    run = installed("guest", "import a_module_that_nobody_has", "plugins")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert any("torchvision/" in line for line in lines)
    (line,) = [line for line in lines if "guest" in line]
    assert line.startswith("not in use: guest: ModuleNotFoundError")
    assert "a_module_that_nobody_has" in line
