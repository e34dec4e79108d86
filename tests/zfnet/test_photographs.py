"""Photographs out of Debian's packages: resource files, cut-outs, and the list."""

import csv
import io
import shutil
import struct
import subprocess
import zlib

import pytest
import torch
from PIL import Image

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.distillation.folder import held_out
from captum_deconvnet_zfnet.photographs.laying import LONGEST, lay, on_background
from captum_deconvnet_zfnet.photographs.packages import ResourceFile, fetched
from captum_deconvnet_zfnet.photographs.sources import SOURCES, Source

FOLDER, DEFLATED = 2, 1


def resource_file(files, version):
    """Qt's format by hand: one folder ``pictures`` below the root, with the files in it."""
    names, places = b"", {}
    for name in ("pictures", *files):
        places[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    data, entries = b"", []
    for name, (content, deflated) in files.items():
        body = struct.pack(">I", len(content)) + zlib.compress(content) if deflated else content
        flags = DEFLATED if deflated else 0
        entries.append(struct.pack(">IHHHI", places[name], flags, 0, 0, len(data)))
        data += struct.pack(">I", len(body)) + body
    root = struct.pack(">IHII", 0, FOLDER, 1, 1)
    inner = struct.pack(">IHII", places["pictures"], FOLDER, len(files), 2)
    time = b"" if version < 2 else bytes(8)
    tree = b"".join(each + time for each in (root, inner, *entries))
    head = 20 if version < 3 else 24
    starts = (head, head + len(tree), head + len(tree) + len(data))
    header = b"qres" + struct.pack(">4I", version, *starts)
    return header.ljust(head, b"\0") + tree + data + names


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_resource_file_gives_its_files_plain_or_deflated(version):
    files = {"a.png": (b"plain", False), "grün.jpg": (b"deflated" * 9, True)}
    found = dict(ResourceFile(resource_file(files, version)).files())
    assert found == {"pictures/a.png": b"plain", "pictures/grün.jpg": b"deflated" * 9}


def test_another_file_is_no_resource_file():
    with pytest.raises(DataError, match="qres"):
        ResourceFile(b"PNG")


def test_a_cut_out_thing_is_seen_whole_and_the_rest_is_background():
    thing = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    ground = Image.new("RGB", (90, 60), (0, 0, 255))
    laid = on_background(thing, ground, torch.Generator().manual_seed(1))
    assert laid.size[0] == laid.size[1] >= 46
    counts = dict((colour, count) for count, colour in laid.getcolors())
    assert counts == {(255, 0, 0): 800, (0, 0, 255): laid.size[0] ** 2 - 800}


def package(folder, name, files):
    """A Debian package with the given files."""
    root = folder / f"{name}.root"
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    control = root / "DEBIAN" / "control"
    control.parent.mkdir()
    fields = {"Package": name, "Version": "1.2-3", "Architecture": "all", "Description": "x"}
    fields["Maintainer"] = "nobody <nobody@example.org>"
    control.write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    command = ["dpkg-deb", "--build", str(root), str(folder / f"{name}_1.2-3_all.deb")]
    subprocess.run(command, check=True, capture_output=True)


def picture(size, colour, ending="PNG"):
    content = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(content, ending)
    return content.getvalue()


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="packages are made with dpkg-deb")
def test_photographs_are_laid_in_one_folder_and_listed(tmp_path):
    photographs = {
        f"usr/share/w/{n}.jpg": picture((120, 110), (n, 0, 9), "JPEG") for n in range(30)
    }
    photographs["usr/share/w/huge.png"] = picture((2000, 500), (1, 2, 3))
    photographs["usr/share/w/icon.png"] = picture((48, 48), (1, 2, 3))
    photographs["usr/share/w/drawing.png"] = picture((200, 200), (1, 2, 3))
    photographs["usr/share/w/clear.png"] = picture((200, 200), (1, 2, 3, 100))
    stamp = Image.new("RGBA", (150, 120), (200, 9, 9, 255))
    stamp.putpixel((0, 0), (0, 0, 0, 0))
    content = io.BytesIO()
    stamp.save(content, "PNG")
    inner = resource_file({"cat.png": (picture((130, 120), (7, 8, 9)), False)}, 1)
    package(tmp_path, "walls", {**photographs, "usr/share/w/x.rcc": inner})
    package(tmp_path, "stamps", {f"usr/share/s/{n}.png": content.getvalue() for n in range(20)})
    sources = (
        Source("stamps", "MIT", ("usr/share/s/*.png",), cut_out=True),
        Source("walls", "CC0", ("usr/share/w/*", "pictures/*"), left_out=("drawing",)),
    )
    entries = lay(sources, tmp_path / "out", tmp_path)
    with (tmp_path / "out" / "list.csv").open() as file:
        rows = list(csv.DictReader(file))
    walls = [row for row in rows if row["package"] == "walls"]
    assert len(walls) == 32
    assert {row["licence"] for row in walls} == {"CC0"}
    assert {row["version"] for row in rows} == {"1.2-3"}
    assert "pictures/cat.png" in {row["path"] for row in walls}
    assert len(rows) == len(entries) == 52
    for entry in entries:
        assert entry.held_out == held_out(entry.file)
        with Image.open(tmp_path / "out" / entry.file) as laid:
            assert laid.mode == "RGB"
            assert max(laid.size) <= LONGEST


def test_a_package_that_cannot_be_had_is_named_in_one_line(tmp_path):
    with pytest.raises(DataError, match="apt-get download no-such-package-of-ours"):
        fetched("no-such-package-of-ours", tmp_path)


def test_every_source_is_of_another_package_and_has_a_licence():
    names = [source.package for source in SOURCES]
    assert len(names) == len(set(names))
    assert all(source.licence and source.patterns for source in SOURCES)
