"""Plugins come one by one, and a broken one harms nobody."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import click
import pytest
from torch import nn

from captum_deconvnet.registry import Registry, RuleRow, hookimpl, hookspec, list_models

GOOD = """
from captum_deconvnet.registry import hookimpl

@hookimpl
def register_models(register):
    register("{name}", ["one", "two"], None)
"""


class Models:
    def __init__(self, prefix, names=("net",)):
        self.prefix, self.names = prefix, names

    @hookimpl
    def register_models(self, register):
        register(self.prefix, self.names, None)


@pytest.fixture
def entry_point(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, source):
        (tmp_path / f"plugin_{name}.py").write_text(source)
        return EntryPoint(name, f"plugin_{name}", "captum_deconvnet")

    yield make
    for module in [name for name in sys.modules if name.startswith("plugin_")]:
        del sys.modules[module]


def errors(registry):
    return {info.name: info.error for info in registry.plugins}


def test_entry_points_are_loaded(entry_point):
    points = [entry_point(name, GOOD.format(name=name)) for name in ("blue", "red")]
    registry = Registry(points)
    assert list_models(registry=registry) == ["blue/one", "blue/two", "red/one", "red/two"]
    assert errors(registry) == {"blue": "", "red": ""}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        (GOOD.format(name="x") + "    raise RuntimeError('no luck')", "RuntimeError: no luck"),
        (GOOD.replace("(register)", "(registre)"), "registre"),
        (GOOD.format(name="a/b"), "prefix 'a/b' of models is empty or has a slash"),
        ("def register_models(register): ...", "decorate its functions with"),
    ],
    ids=["import", "raise", "syntax", "hook", "signature", "prefix", "undecorated"],
)
def test_a_broken_plugin_is_remembered_with_its_reason_and_the_others_load(
    entry_point, source, reason
):
    registry = Registry([entry_point("a", source), entry_point("b", GOOD.format(name="b"))])
    assert reason in errors(registry)["a"]
    assert "\n" not in errors(registry)["a"]
    assert errors(registry)["b"] == ""
    assert list_models(registry=registry) == ["b/one", "b/two"]


def test_a_plugin_that_fails_half_way_brings_nothing(registry):
    class HalfWay(Models):
        @hookimpl
        def register_rules(self, register):
            register(nn.ReLU, "not a rule")

    registry.register(HalfWay("half"), "half")
    assert list_models(registry=registry) == []
    assert registry.rules == ()
    assert "not a callable" in errors(registry)["half"]


def test_a_prefix_belongs_to_the_first_plugin_that_asks_for_it(registry):
    registry.register(Models("net", ["a"]), "first")
    registry.register(Models("net", ["b"]), "second")
    assert list_models(registry=registry) == ["net/a"]
    assert errors(registry)["first"] == ""
    assert "prefix 'net' of models is taken by plugin 'first'" in errors(registry)["second"]


def test_a_name_belongs_to_the_first_plugin_that_has_it(registry):
    registry.register(Models("a"), "same")
    registry.register(Models("b"), "same")
    assert list_models(registry=registry) == ["a/net"]
    assert [bool(info.error) for info in registry.plugins] == [False, True]


def test_one_module_under_two_names_is_loaded_once(registry):
    module = Models("a")
    registry.register(module, "first")
    registry.register(module, "second")
    assert list_models(registry=registry) == ["a/net"]
    assert errors(registry)["first"] == ""
    assert "this very module, is already loaded" in errors(registry)["second"]


def test_a_misspelt_hook_is_pointed_out(registry):
    class Misspelt:
        @hookimpl
        def register_modles(self, register): ...

    registry.register(Misspelt(), "misspelt")
    assert errors(registry)["misspelt"] == (
        "no hook is called 'register_modles'; did you mean 'register_models'?"
    )


def test_a_hook_that_is_marked_optional_may_be_unknown(registry):
    class Optional:
        @hookimpl(optionalhook=True)
        def register_explainers(self, register): ...

    registry.register(Optional(), "optional")
    assert errors(registry)["optional"] == ""


def test_names_are_listed_only_when_somebody_asks(registry):
    asked = []
    registry.register(Models("lazy", lambda: asked.append(1) or ["net"]), "lazy")
    assert asked == []
    assert list_models(registry=registry) == ["lazy/net"]
    assert asked == [1]


def test_a_plugin_that_cannot_list_its_models_does_not_stop_the_others(registry):
    def no_library():
        raise ImportError("No module named 'zoo'")

    registry.register(Models("zoo", no_library), "zoo")
    registry.register(Models("good"), "good")
    assert list_models(registry=registry) == ["good/net"]
    assert errors(registry)["zoo"] == "lists no models: ImportError: No module named 'zoo'"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("red", ["red"]), (" red , blue", ["blue", "red"]), ("", []), (None, ["blue", "red"])],
)
def test_an_environment_variable_chooses_the_plugins(entry_point, monkeypatch, variable, expected):
    points = [entry_point(name, GOOD.format(name=name)) for name in ("blue", "red")]
    if variable is not None:
        monkeypatch.setenv("DECONVNET_PLUGINS", variable)
    assert [info.name for info in Registry(points).plugins] == expected


def test_an_environment_variable_that_names_no_plugin_is_pointed_out(entry_point, monkeypatch):
    monkeypatch.setenv("DECONVNET_PLUGINS", "rde")
    registry = Registry([entry_point("red", GOOD.format(name="red"))])
    assert errors(registry) == {
        "rde": "Unknown plugin 'rde'. Nearest: red. It is named in DECONVNET_PLUGINS; "
        "installed: red."
    }


def test_the_listing_says_what_a_plugin_brings(registry):
    registry.register(Models("net"), "plugin", distribution="acme-nets", version="1.2")
    (info,) = registry.plugins
    assert (info.distribution, info.version) == ("acme-nets", "1.2")
    assert (info.hooks, info.prefixes) == (("register_models",), ("net",))


def test_commands_join_the_command_line_and_a_broken_plugin_does_not_stop_them(registry):
    class Broken:
        @hookimpl
        def register_commands(self, cli):
            raise ValueError("no commands today")

    class Good:
        @hookimpl
        def register_commands(self, cli):
            cli.add_command(click.Command("hello"))

    registry.register(Broken(), "broken")
    registry.register(Good(), "good")
    group = click.Group()
    registry.register_commands(group)
    assert list(group.commands) == ["hello"]
    assert errors(registry)["broken"] == "adds no commands: ValueError: no commands today"


def test_a_rule_may_name_its_target_by_address(registry):
    class Rules:
        @hookimpl
        def register_rules(self, register):
            register("torch.nn:ReLU", abs)
            register("torch.nn:NoSuchModule", abs)
            register("no_such_package.layers:Act", abs, kind="paper")
            register(nn.GELU, abs)

    registry.register(Rules(), "rules")
    assert [row.found() for row in registry.rules] == [nn.ReLU, None, None, nn.GELU]
    assert registry.rules[2] == RuleRow("no_such_package.layers:Act", abs, "paper", "rules")


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [("torch.nn.ReLU", "paper", "not of the form"), (nn.ReLU, "papers", "none of paper, adjoint")],
)
def test_a_wrong_rule_is_refused(target, kind, message):
    with pytest.raises(ValueError, match=message):
        RuleRow(target, abs, kind, "any")


def test_registering_imports_no_model_library_and_core_imports_no_plugin():
    script = """
import sys
import captum_deconvnet
assert not any(name.startswith("captum_deconvnet_") for name in sys.modules)
before = "torchvision.models" in sys.modules
registry = captum_deconvnet.registry.process_registry()
assert {"torchvision", "timm", "offline"} <= set(registry.sources), registry.plugins
assert registry.rules
assert "timm" not in sys.modules
assert ("torchvision.models" in sys.modules) == before
print("before" if before else "never")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "never"


def test_a_plugin_opens_a_door_of_its_own_through_which_others_bring_things():
    class Doors:
        @hookspec
        def register_sounds(self, register): ...

    class Opens:
        @hookimpl
        def register_hooks(self, register):
            register(Doors())

    class Brings:
        @hookimpl
        def register_sounds(self, register):
            register("quack")
            register("moo")

    class Fails:
        @hookimpl
        def register_sounds(self, register):
            register("half")
            raise ValueError("hoarse")

    registry = Registry([])
    for name, plugin in {"cow": Brings(), "opener": Opens(), "frog": Fails()}.items():
        registry.register(plugin, name)
    assert registry.collect("register_sounds") == (("cow", "quack"), ("cow", "moo"))
    errors = {info.name: info.error for info in registry.plugins}
    assert errors == {
        "cow": "",
        "opener": "",
        "frog": "register_sounds fails: ValueError: hoarse",
    }
