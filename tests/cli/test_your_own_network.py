"""The page docs/your_own_network.md: its files are written, and its very commands are run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = (Path(__file__).parents[2] / "docs" / "your_own_network.md").read_text(encoding="utf-8")
SECTIONS = ("A net written by hand", "A fine-tuned checkpoint of torchvision", "A folder of tr")
SAID = {
    "A net written by hand": ["input size 3x32x32", "weights found under 'model_state.'"],
    "A fine-tuned checkpoint of torchvision": [
        "is built for the 7 classes of the weights",
        "weights found under 'state_dict.model.'",
    ],
    "A folder of tr": [],
}


def section(title):
    (found,) = (part for part in PAGE.split("\n## ") if part.startswith(title))
    return found


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a photograph and a folder of them, from which modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    sys.modules.pop("net", None)  # another test's file of that name
    generator = np.random.default_rng(5)
    (tmp_path / "photographs").mkdir()
    for path in ("cat.jpg", "photographs/one.jpg", "photographs/two.jpg"):
        pixels = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((240, 180)).save(tmp_path / path)
    yield tmp_path
    sys.modules.pop("net", None)


def write_files(text):
    """What the Python blocks of a section are: a file that they name, or a script."""
    for block in blocks(text, "python"):
        name = re.match(r"# (\w+\.py)\n", block)
        if name:
            Path(name[1]).write_text(block)
        else:
            exec(compile(block, "page", "exec"), {})


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("title", SECTIONS)
def test_the_three_commands_of_a_section_run_as_they_stand(title, workplace, deconvnet):
    if title == "A folder of tr":
        needs_the_plugin()
    text = section(title)
    write_files(text)
    commands = [line for block in blocks(text, "sh") for line in block.splitlines()]
    assert [shlex.split(line)[1] for line in commands] == ["project", "gallery", "occlude"]
    before = set(workplace.iterdir())
    for line in commands:
        result = deconvnet(*shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
        for words in SAID[title]:
            assert words in result.stderr
    made = set(workplace.iterdir()) - before
    assert len([path for path in made if path.suffix == ".png"]) == 2
    (gallery,) = (path for path in made if path.is_dir() and path.name.startswith("gallery-"))
    assert (gallery / "index.json").is_file()


def needs_the_plugin():
    """Register the plugin where this environment's metadata does not name it yet."""
    pytest.importorskip("transformers")
    import captum_deconvnet_transformers as plugin
    from captum_deconvnet.registry import process_registry

    if "transformers" not in process_registry().sources:
        process_registry().register(plugin, "transformers")


def test_the_functions_for_other_libraries_are_python():
    (block,) = blocks(section("Nets of other libraries"), "python")
    names = {}
    exec(compile(block, "nets.py", "exec"), names)
    assert {"unet", "densenet", "yolo"} <= names.keys()


def test_every_option_of_the_page_is_one_of_the_command(deconvnet):
    shown = deconvnet("project", "--help").output
    for option in set(re.findall(r"`(--[a-z-]+)", section("What can be said of a net"))):
        assert option in shown
