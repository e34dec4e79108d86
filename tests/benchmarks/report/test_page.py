"""The page of a small run, in a real browser, headless, from a file."""

from __future__ import annotations

import chromium
import pytest

keys = pytest.importorskip("selenium.webdriver.common.keys")
EXPLAINERS = ("deconvnet", "guided", "captum/saliency", "occlusion", "adjoint", "control/random")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.headless(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def opened(reported, browser):
    browser.get((reported / "report" / "index.html").as_uri())
    return browser


def press(browser, key):
    browser.switch_to.active_element.send_keys(getattr(keys.Keys, key))


def test_the_page_says_what_was_skipped_what_failed_and_what_is_missing(opened):
    text = opened.find_element("css selector", "body").text
    assert "Not complete: 1 planned units have no row." in text
    assert "1 pairs of explainer and metric were skipped, 1 failed" in text
    assert "a ReLU is used twice" in text
    assert "RuntimeError: <no memory>" in text
    assert "No test: neither higher nor lower is better" in text
    assert "Friedman's test over 8 photographs and 6 explainers: chi-squared 40, p < 0.0001" in text


def test_controls_are_marked_in_every_table(opened):
    rows = opened.find_elements("css selector", "tr.control td:first-child")
    assert len(rows) >= 4
    assert {row.get_attribute("textContent") for row in rows} == {"control/random"}
    word = "return getComputedStyle(document.querySelector('tr.control td'), '::after').content"
    assert "control" in opened.execute_script(word)


def test_a_table_is_sorted_by_the_keyboard(opened):
    button = opened.find_element("css selector", "table.sortable th:nth-child(3) button")
    opened.execute_script("arguments[0].focus()", button)
    press(opened, "ENTER")
    ranks = opened.find_element("css selector", "table.sortable")
    names = [row.text.split()[0] for row in ranks.find_elements("css selector", "tbody tr")]
    assert names == list(reversed(EXPLAINERS))
    press(opened, "ENTER")
    head = opened.find_element("css selector", "table.sortable th:nth-child(3)")
    assert head.get_attribute("aria-sort") == "descending"


def test_a_map_is_enlarged_and_its_neighbours_reached_by_the_keyboard(opened):
    buttons = opened.find_elements("css selector", ".gallery button")
    assert len(buttons) == 3 * len(EXPLAINERS)
    opened.execute_script("arguments[0].focus()", buttons[0])
    press(opened, "ARROW_RIGHT")
    press(opened, "ENTER")
    title = opened.find_element("id", "large-title")
    assert title.text == "captum/saliency: 0.png, class 3"
    press(opened, "ARROW_DOWN")
    assert title.text == "captum/saliency: 1.png, class 3"
    assert len(opened.find_elements("css selector", "#large-pictures img")) == 2
    press(opened, "ESCAPE")
    assert not opened.find_element("id", "large").is_displayed()
    alt = "return document.activeElement.querySelector('img').alt"
    assert opened.execute_script(alt) == "captum/saliency: 1.png, class 3"


def test_the_page_loads_nothing_and_reports_no_error(opened):
    addresses = opened.execute_script(
        "return [...document.querySelectorAll('img, script, link')]"
        ".map((each) => each.src || each.href || '')"
    )
    assert len(addresses) > 20
    assert all(address == "" or address.startswith("data:") for address in addresses)
    broken = "return [...document.images].filter((e) => e.complete && !e.naturalWidth).length"
    assert opened.execute_script(broken) == 0
    assert opened.get_log("browser") == []
