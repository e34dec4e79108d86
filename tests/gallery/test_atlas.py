"""The atlas, clicked through in a real browser, headless, from files alone."""

from __future__ import annotations

import chromium
import numpy as np
import pytest
from PIL import Image

from captum_deconvnet.gallery.atlas import map_strip, write_page

keys = pytest.importorskip("selenium.webdriver.common.keys")


def unit(image, rank):
    return {
        "image": image,
        "name": f"photo <{image}> & co.jpg",
        "row": rank,
        "column": 2,
        "activation": 10.0 - rank,
        "box": [10, 20, 60, 80],
        "contrast": 0.5,
    }


def feature_map(channel, *, dead=False):
    units = [unit(number, number) for number in range(4)]
    share = 0.0 if dead else 1 / (channel + 1)
    return {"channel": channel, "mean": 0.25, "active_share": share, "dead": dead, "top": units}


@pytest.fixture
def atlas(tmp_path):
    """An atlas of two layers with three maps each; the tiles of a map have a colour of its own."""
    layers = [
        {
            "layer": name,
            "maps_in_layer": 8,
            "dead_maps": 1,
            "sees": "a unit sees 50 x 60 pixels of 100 x 100",
            "maps": [feature_map(0), feature_map(3), feature_map(7, dead=True)],
        }
        for name in ("features.1", "features.4")
    ]
    index = {
        "model": "a/net", "weights": "</script><b>", "images": 4, "left_out": ["broken.jpg"],
        "k": 4, "tile": 16, "layers": layers,
    }  # fmt: skip
    for layer in ("features.1", "features.4"):
        folder = tmp_path / "atlas" / "maps" / layer
        folder.mkdir(parents=True)
        for channel in (0, 3, 7):
            tiles = np.full((4, 2, 16, 16, 3), 30 * channel, dtype=np.uint8)
            Image.fromarray(map_strip(tiles)).save(folder / f"{channel}.jpg")
    (tmp_path / "atlas" / "images").mkdir()
    for number in range(4):
        Image.new("RGB", (100, 100), "grey").save(tmp_path / f"atlas/images/{number}.jpg")
    write_page(tmp_path, index)
    return tmp_path


@pytest.fixture
def browser(tmp_path):
    with chromium.headless(tmp_path / "profile") as driver:
        yield driver


def text(browser, selector):
    return browser.find_element("css selector", selector).text


def press(browser, key):
    browser.switch_to.active_element.send_keys(getattr(keys.Keys, key))


def focused(browser):
    return browser.execute_script("return document.activeElement.dataset.channel")


def test_a_map_is_opened_read_and_closed_with_the_mouse(atlas, browser):
    browser.get((atlas / "index.html").as_uri())
    assert "a/net, weights </script><b>: top 4 of 4 images, 1 left out" in text(browser, "h1")
    assert "3 of 8 maps; a unit sees 50 x 60 pixels" in text(browser, "#about")
    cards = browser.find_elements("css selector", ".card")
    assert [card.get_attribute("data-channel") for card in cards] == ["0", "3", "7"]
    cards[1].click()
    assert text(browser, "#map-title") == "features.1, map 3"
    assert "above zero in 25 % of 4 images" in text(browser, "#statistics")
    captions = [each.text for each in browser.find_elements("css selector", "figcaption")]
    assert len(captions) == 4
    assert captions[1].startswith("2. photo <1> & co.jpg: activation 9 at row 1, column 2")
    browser.find_element("css selector", ".box")
    frame = browser.execute_script(
        "const box = document.querySelector('.box').getBoundingClientRect();"
        "const image = document.querySelector('.source img').getBoundingClientRect();"
        "return [(box.left - image.left) / image.width, (box.top - image.top) / image.height,"
        " box.width / image.width, box.height / image.height];"
    )
    assert frame == pytest.approx([0.2, 0.1, 0.6, 0.5], abs=0.02)
    browser.find_element("id", "close").click()
    assert not browser.find_element("id", "map").is_displayed()


def test_everything_can_be_done_with_the_keyboard(atlas, browser):
    browser.get((atlas / "index.html").as_uri())
    browser.execute_script("document.querySelector('.card').focus()")
    press(browser, "ARROW_RIGHT")
    assert focused(browser) == "3"
    press(browser, "ENTER")
    assert text(browser, "#map-title") == "features.1, map 3"
    press(browser, "ARROW_RIGHT")
    assert text(browser, "#map-title") == "features.1, map 7"
    assert "dead" in text(browser, "#statistics")
    press(browser, "ESCAPE")
    assert not browser.find_element("id", "map").is_displayed()
    assert focused(browser) == "7"
    browser.find_element("id", "go").send_keys("3\n")
    assert focused(browser) == "3"


def test_another_layer_and_another_order_are_shown(atlas, browser):
    browser.get((atlas / "index.html").as_uri())
    browser.find_element("css selector", "#layer option:nth-child(2)").click()
    browser.find_element("css selector", "#order option[value=rarest]").click()
    cards = browser.find_elements("css selector", ".card")
    assert [card.get_attribute("data-channel") for card in cards] == ["7", "3", "0"]
    cards[0].click()
    assert text(browser, "#map-title") == "features.4, map 7"


def test_the_page_asks_for_nothing_outside_its_folder_and_reports_no_error(atlas, browser):
    browser.get((atlas / "index.html").as_uri())
    browser.find_elements("css selector", ".card")[0].click()
    browser.find_element("css selector", ".box")
    loaded = browser.execute_script(
        "return [...document.querySelectorAll('img, script, link')].map((e) => e.src || e.href)"
    )
    assert loaded
    assert all(address.startswith(atlas.as_uri()) for address in loaded)
    assert browser.get_log("browser") == []
