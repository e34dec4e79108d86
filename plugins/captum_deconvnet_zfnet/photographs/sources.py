"""Which packages have photographs, where in them, and under what licence.

Only photographs are named: wallpapers that are drawings, icons, cartoons and screenshots are left
out. ``tuxpaint-stamps-default`` has photographs of things that were cut out by their makers, and a
few drawings among them that no name tells.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One Debian package with photographs.

    Args:
        package: its name.
        licence: of the pictures, from the package's copyright file.
        patterns: paths inside the package, as ``Path.glob`` takes them; those that end a path in
            a Qt resource file are looked for there.
        left_out: parts of paths of drawings, toys and doubles.
        cut_out: whether the pictures are things cut out, on nothing.
    """

    package: str
    licence: str
    patterns: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    cut_out: bool = False


STAMPS = (
    "animals/**",
    "clothes/**",
    "food/**",
    "hobbies/**",
    "household/**",
    "medical",
    "military/**",
    "plants/**",
    "sports",
    "town/monuments",
    "vehicles/**",
)

KDE = ("FallenLeaf", "EveningGlow", "ColorfulCups", "ColdRipple", "BytheWater", "Grey")

LXQT = (
    "[Bb]utterfly*",
    "Valendas*",
    "after-the-rain*",
    "appleflower*",
    "cloud*",
    "drop*",
    "flowers*",
    "fog*",
    "this-is-not-windows*",
)

OPENCV = (
    "alphamat/input_images/*.jpg",
    "data/aero1.jpg",
    "data/aloeL.jpg",
    "data/apple.jpg",
    "data/b[ao]*.*",
    "data/building.jpg",
    "data/butterfly.jpg",
    "data/ela_original.jpg",
    "data/fruits.jpg",
    "data/home.jpg",
    "data/leuvenA.jpg",
    "data/messi5.jpg",
    "data/orange.jpg",
    "data/rubberwhale1.png",
    "data/s[qt]u*.jpg",
    "dnn_superres/*.png",
    "hfs/data/*.jpg",
    "text/scenetext0*.jpg",
)

SOURCES = (
    Source(
        "endless-sky-data",
        "public domain, CC-BY-SA-3.0 and CC-BY-SA-4.0",
        ("usr/share/games/endless-sky/images/*/*.jpg",),
        ("/scene/eso0", "/scene/geoscan", "/scene/tempest", "/_menu/", "/star/"),
    ),
    Source(
        "gcompris-qt-data",
        "GPL-3+ and free licences of single pictures",
        (
            "gcompris/src/activities/categorization/resource/images/*/*",
            "gcompris/src/activities/details/resource/image/*",
            "gcompris/src/activities/erase/resource/*",
            "gcompris/src/activities/explore_*/resource/*/*",
        ),
        left_out=("/alphabets/", "/numbers/", "Gogh", "PereTanguy", "Eglise"),
    ),
    Source("kalzium-data", "GPL-2+", ("usr/share/kalzium/data/toolpics/*.jpg",)),
    Source("kphotoalbum", "GPL-2+", ("usr/share/kphotoalbum/demo/*.jpg",), ("qt-logo",)),
    Source(
        "lomiri-wallpapers-16.04",
        "CC-BY-4.0, CC-BY-SA-3.0 and CC-BY-SA-4.0",
        ("usr/share/backgrounds/*.jpg",),
        ("umang",),
    ),
    Source(
        "lomiri-wallpapers-20.04",
        "CC-BY-4.0 and CC-BY-SA-4.0",
        ("usr/share/backgrounds/Fossa*", "usr/share/backgrounds/Kleiber*"),
    ),
    Source(
        "lxqt-themes",
        "LGPL-2.1+ and CC-BY-SA-3.0",
        tuple(f"usr/share/lxqt/wallpapers/{each}" for each in LXQT),
    ),
    Source("mate-backgrounds", "GPL-2+", ("usr/share/backgrounds/mate/nature/*.jpg",)),
    Source(
        "opencv-doc",
        "Apache-2.0 and BSD-3-Clause",
        tuple(f"usr/share/doc/opencv-doc/examples/{each}" for each in OPENCV),
        ("basketball", "box.png", "/sudoku"),
    ),
    Source(
        "palapeli-data",
        "GPL-2+, CC0 and public domain",
        ("usr/share/palapeli/collection/*.jpg",),
    ),
    Source(
        "plasma-workspace-wallpapers",
        "GPL-2+",
        tuple(f"usr/share/wallpapers/{each}/contents/images/2560x1600.*" for each in KDE),
    ),
    Source(
        "tuxpaint-data",
        "GPL-2+ and public domain",
        ("usr/share/tuxpaint/templates/*.jpg", "usr/share/tuxpaint/starters/*-back.jpeg"),
    ),
    Source(
        "tuxpaint-stamps-default",
        "GPL-2 and public domain",
        tuple(f"usr/share/tuxpaint/stamps/{each}/*.png" for each in STAMPS),
        ("cartoon", "/toys/", "_mirror", "plastic", "hedgehog"),
        cut_out=True,
    ),
)
