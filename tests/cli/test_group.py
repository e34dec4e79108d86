"""The group itself: its commands, the plugins' commands, errors in one line."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from captum_deconvnet import __version__
from captum_deconvnet.cli import main
from captum_deconvnet.cli.group import OWN_COMMANDS, DeconvnetGroup
from captum_deconvnet.errors import ModelError
from captum_deconvnet.registry import Registry, hookimpl

COMMANDS = ("models", "layers", "project", "invariance", "demo", "plugins")

GUEST = """
import click
from captum_deconvnet.registry import hookimpl

@hookimpl
def register_commands(cli):
    cli.add_command(click.Command("greet", callback=lambda: click.echo("hello")))
"""


@hookimpl
def register_commands(cli):
    cli.add_command(click.Command("greet", callback=lambda: click.echo("hello"), help="Say so."))
    cli.add_command(click.Command("go", callback=lambda: click.echo("hijacked")))


class VisitedGroup(DeconvnetGroup):
    """A group like ours with one plugin, this module, and one command of its own, ``go``."""

    def registry(self):
        guest, registry = ModuleType("guest"), Registry([])
        guest.register_commands = register_commands
        registry.register(guest, "guest")
        return registry


def visited(*arguments):
    group = VisitedGroup("deconvnet")
    group.add_command(click.Command("go", callback=lambda: click.echo("ours")))
    return CliRunner().invoke(group, arguments)


def group_that(action):
    """A group like ours with one command, ``go``, that does ``action``."""
    group = DeconvnetGroup("deconvnet")
    group.add_command(click.Command("go", callback=action))
    return CliRunner().invoke(group, ["go"])


def test_help_names_every_command(deconvnet):
    result = deconvnet("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(deconvnet, command):
    result = deconvnet(command, "--help")
    assert result.exit_code == 0
    assert f"deconvnet {command}" in result.stdout.partition("Examples:")[2]


def test_help_lists_our_commands_first_in_the_order_of_the_table():
    assert main.list_commands(click.Context(main))[: len(OWN_COMMANDS)] == list(OWN_COMMANDS)


@pytest.mark.parametrize("command", OWN_COMMANDS)
def test_the_module_that_the_table_names_registers_the_command(command):
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert found.name == command
    assert found.callback.__module__ == OWN_COMMANDS[command]


def test_the_version_is_the_packages(deconvnet):
    assert deconvnet("--version").stdout == f"deconvnet, version {__version__}\n"


HEAVY = {"torch", "torchvision", "timm", "captum", "matplotlib", "numpy", "skimage", "PIL"}


def imported_by(statement):
    """The heavy libraries that a statement brings in, once the package itself is imported."""
    code = (
        "import sys, captum_deconvnet\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print('added', *(set(sys.modules) - before))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return HEAVY & set(run.stdout.partition("added")[2].split())


def test_importing_the_command_line_imports_no_heavy_library():
    assert imported_by("import captum_deconvnet.cli") == set()


def test_help_imports_none_of_the_libraries_that_plugins_stand_for():
    help_ = "captum_deconvnet.cli.main(['--help'], standalone_mode=False)"
    added = imported_by(f"import captum_deconvnet.cli; {help_}")
    assert added.isdisjoint({"torchvision", "timm", "matplotlib", "skimage"})


def test_bad_input_is_one_line_and_exit_code_2():
    def act():
        raise ModelError("given one thing\nexpected another")

    result = group_that(act)
    assert result.exit_code == 2
    assert result.stderr == "Error: given one thing expected another\n"


def test_a_file_that_cannot_be_opened_is_one_line_and_exit_code_2(tmp_path):
    result = group_that(lambda: (tmp_path / "absent").open())
    assert result.exit_code == 2
    assert result.stderr == f"Error: No such file or directory: {tmp_path / 'absent'}\n"


def test_our_own_mistakes_are_not_hidden():
    result = group_that(lambda: 1 / 0)
    assert isinstance(result.exception, ZeroDivisionError)


def test_an_interrupt_ends_cleanly():
    def act():
        raise KeyboardInterrupt

    result = group_that(act)
    assert result.exit_code == 130
    assert "the same command starts anew" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_command_is_refused(deconvnet):
    result = deconvnet("proiect")
    assert result.exit_code == 2
    assert "No such command 'proiect'" in result.stderr


def test_a_plugins_command_joins_ours():
    assert visited("greet").stdout == "hello\n"


def test_a_plugins_command_is_in_the_help():
    lines = visited("--help").stdout.splitlines()
    assert ["greet", "Say", "so."] in [line.split() for line in lines]


def test_a_plugin_cannot_replace_our_commands():
    assert visited("go").stdout == "ours\n"
    assert visited("--help").stdout.count("  go") == 1


def test_an_installed_distributions_command_joins_ours(installed):
    assert installed("guest", GUEST, "greet").stdout == "hello\n"


def test_the_group_is_called_deconvnet():
    assert main.name == "deconvnet"
