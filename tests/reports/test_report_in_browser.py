"""The report's script in a browser: it runs under its policy, reads, zooms, and saves."""

import csv
import io
import re

import numpy as np
import pytest
from made_models import untrained, waves

from throughtime.reports import figure_data, forecast_figures, forecast_report
from throughtime.reports.page import style_and_script

STAMP = r"\d{4}-\d\d-\d\d"
TRUTH = "document.querySelector('#truth figure')"
READOUT = f"{TRUTH}.querySelector('output').textContent"


@pytest.fixture(scope="module")
def fitted():
    model = untrained(waves(name='lake "<b>', filled=3), best=(5, 3))
    return model, model.backtest(steps=15), [model.predict(15)]


@pytest.fixture(scope="module")
def path(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    facts = {"title": "lake", "command": "throughtime forecast", "versions": {"jax": "1"}}
    forecast_report.write_report(path, *fitted, **facts)
    return path


def box(tab, selector="#truth .wide svg"):
    """Left, top, width and height of an element in the window."""
    tab.ask(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
    found = f"document.querySelector('{selector}').getBoundingClientRect()"
    return tab.ask(f"(r => [r.x, r.y, r.width, r.height])({found})")


def drawn(tab):
    """The paths of the figure as they are now."""
    return tab.ask(f"{TRUTH}.querySelector('.wide .axes').innerHTML")


def test_nothing_violates_the_policy_and_every_figure_can_be_read(tab, path):
    for width in (1000, 400):
        tab.open(path, width)
        assert tab.faults() == []
        assert tab.ask("document.querySelectorAll('figure').length") == 7
        assert tab.ask("document.querySelectorAll('[role=application]').length") == 14
        assert tab.ask("document.documentElement.scrollWidth") <= width
    tab.ask("document.body.insertAdjacentHTML('beforeend', '<p id=p style=\"color: red\">')")
    tab.ask("document.body.append(document.createElement('script'))")
    tab.ask("document.body.lastElementChild.textContent = 'window.intruder = 1'")
    assert tab.ask("window.intruder") is None
    assert tab.ask("getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
    refused = {f.split()[-1] for f in tab.ask("faults")}
    assert refused == {"style-src-attr", "script-src-elem"}


def test_the_value_under_the_cursor_is_the_forecasts(tab, path, fitted):
    tab.open(path)
    x, y, width, height = box(tab)
    tab.mouse("Moved", x + 0.8 * width, y + 0.5 * height)
    read = tab.ask(READOUT)
    backtest = fitted[1]
    lead = 0
    for lead in range(15):  # the model's own value at this stamp
        mean = backtest.forecasts[backtest.method][-1, lead, 0]
        if f"{backtest.method} {float(f'{mean:.6g}'):g}" in read:
            break
    else:
        pytest.fail(read)
    truth = backtest.truth[-1, lead, 0]
    assert f"truth {float(f'{truth:.6g}'):g}" in read, read
    assert re.search(r"90 % interval -?[\d.]+ to -?[\d.]+", read)
    tab.mouse("Moved", x + 0.5 * width, y - 30)
    assert tab.ask(READOUT) == "" and tab.faults() == []


def test_the_keys_walk_zoom_and_reset(tab, path):
    tab.open(path)
    whole = drawn(tab)
    tab.ask("document.querySelector('#series .wide').focus()")
    tab.press("Tab")  # its buttons follow
    assert tab.ask("document.activeElement.getAttribute('aria-label')") == "Zoom in"
    tab.ask(f"{TRUTH}.querySelector('.wide').focus()")
    tab.press("Home")
    first = tab.ask(READOUT)
    tab.press("ArrowRight", "ArrowRight", "ArrowLeft")
    second = tab.ask(READOUT)
    tab.press("End")
    last = tab.ask(READOUT)
    stamps = [re.findall(STAMP, text)[0] for text in (first, second, last)]
    months = np.array(stamps, "datetime64[M]").astype(int)
    assert months[1] - months[0] == 1 and months[2] - months[0] == 30 + 15 - 1
    assert tab.ask(f"{TRUTH}.querySelector('output').ariaLive") == "polite"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.ask(outline) == "solid"  # the focus is visible
    tab.press("+", "+")
    assert drawn(tab) != whole
    own = f"[...{TRUTH}.querySelectorAll('.wide .own text')]"
    labels = tab.ask(f"{own}.map(t => t.textContent)")
    assert any(re.fullmatch(r"\d{4}-\d\d", label) for label in labels)
    assert len(labels) == len(set(labels)) >= 5
    tab.press("Home")  # the part that is shown goes with the cursor
    assert tab.ask(READOUT) == first
    assert tab.ask(f"{TRUTH}.querySelectorAll('.wide .cursor path').length") == 1
    tab.press("Escape")
    assert drawn(tab) == whole and tab.ask(READOUT) == ""
    assert tab.faults() == []


def test_every_curve_and_the_band_go_where_the_zoom_puts_them(tab, path, fitted):
    """A ring of the cursor is where the band ends, before and after."""
    tab.open(path)
    tab.ask(f"{TRUTH}.querySelector('.wide').focus()")
    band = f"{TRUTH}.querySelector('.wide use[fill-opacity]').getBoundingClientRect()"
    rings = f"[...{TRUTH}.querySelectorAll('.wide .cursor circle')]"
    line = f"{TRUTH}.querySelector('.wide .cursor path').getBoundingClientRect().x"
    for keys in (["End"], ["+", "+", "Home", "End"]):
        tab.press(*keys)
        right, top, bottom = tab.ask(f"(r => [r.right, r.top, r.bottom])({band})")
        assert right == pytest.approx(tab.ask(line), abs=1)
        assert tab.ask(f"{rings}.length") >= 5 and bottom - top > 20
        wide = tab.ask(f"{band}.width")
        assert wide > 100
    assert tab.faults() == []


def test_dragging_selects_a_part_and_a_double_click_shows_all(tab, path):
    tab.open(path)
    whole = drawn(tab)
    x, y, width, height = box(tab)
    middle = y + 0.5 * height
    tab.mouse("Moved", x + 0.7 * width, middle)
    tab.mouse("Pressed", x + 0.7 * width, middle, down=True)
    tab.mouse("Moved", x + 0.9 * width, middle, down=True)
    tab.mouse("Released", x + 0.9 * width, middle)
    assert drawn(tab) != whole
    tab.mouse("Moved", x + 0.1 * width, middle)
    left = tab.ask(READOUT)
    tab.mouse("Moved", x + 0.98 * width, middle)
    assert "truth" in left and left != tab.ask(READOUT)  # the forecast fills the box
    for count in (1, 2):
        tab.mouse("Pressed", x + 0.5 * width, middle, down=True, count=count)
        tab.mouse("Released", x + 0.5 * width, middle, count=count)
    assert drawn(tab) == whole and tab.faults() == []


def test_a_finger_reads_on_a_narrow_page(tab, path):
    tab.open(path, 400)
    x, y, width, height = box(tab, "#truth .narrow svg")
    at = (x + 0.8 * width, y + 0.5 * height)
    tab.touch("Start", at)
    read = tab.ask(READOUT)
    tab.touch("Move", (at[0] - 60, at[1]))
    assert "truth" in read and tab.ask(READOUT) != read
    tab.touch("End")
    for selector in ("+", "Reset"):
        size = (
            f"[...{TRUTH}.querySelectorAll('button')].find(b => b.textContent === '{selector}')"
        )
        assert min(tab.ask(f"(r => [r.width, r.height])({size}.getBoundingClientRect())")) >= 24
    assert tab.faults() == []


def test_the_page_saves_what_the_figure_shows(tab, path, fitted):
    """The CSV of the page is the one of `figure_data`, to six digits."""
    tab.open(path)
    tab.ask(
        "URL.createObjectURL = blob => { window.saved = blob.text(); return 'blob:none'; };"
        "HTMLAnchorElement.prototype.click = function () { window.file = this.download; };"
        "[...document.querySelectorAll('#beyond button')].at(-1).click()"
    )
    found = list(csv.reader(io.StringIO(tab.ask("window.saved"))))
    model, _, (forecast,) = fitted
    figure = forecast_figures.forecast_beyond_data(forecast, model.data_.series[0])
    (panel,) = figure_data.panels(figure)
    wanted = list(csv.reader(io.StringIO(figure_data.to_csv(panel))))
    assert found[0] == wanted[0] and len(found) == len(wanted) > 40
    for one, other in zip(found[1:], wanted[1:], strict=True):
        assert one[0] == other[0]
        values = [[float(cell or "nan") for cell in row[1:]] for row in (one, other)]
        np.testing.assert_allclose(*values, rtol=6e-6)
    assert tab.ask("window.file").endswith("forecast-beyond-the-end-of-the-data.csv")


def test_a_print_shows_the_figures_whole_and_no_tools(tab, path):
    tab.open(path)
    whole = drawn(tab)
    tab.ask(f"{TRUTH}.querySelector('.wide').focus()")
    tab.press("ArrowRight", "+")
    tab.ask("dispatchEvent(new Event('beforeprint'))")
    assert drawn(tab) == whole
    tab.call("Emulation.setEmulatedMedia", media="print")
    tools = "[...document.querySelectorAll('.tools, .cursor')]"
    shown = f"{tools}.filter(e => getComputedStyle(e).display !== 'none').length"
    assert tab.ask(f"{tools}.length") == 7 + 14 and tab.ask(shown) == 0


def luminance(colour):
    """Relative luminance by WCAG 2.2."""
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    s = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_is_known():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_text_has_the_contrast_of_wcag_aa(scheme):
    css = str(style_and_script()[0])
    blocks = [
        dict(re.findall(r"--(\w+): (#\w+)", b))
        for b in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    assert len(blocks) == 3
    colours = blocks[["light", "dark", "print"].index(scheme)]
    for text in ("ink", "soft", "accent"):
        for ground in ("page", "wash"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_buttons_have_that_contrast_as_they_are_drawn(tab, path, dark):
    tab.open(path, dark=dark)
    kinds = "p, th, td, dt, dd, li, pre, button, figcaption, text"
    pairs = tab.ask(
        f"""[...document.querySelectorAll("{kinds}")].map(e => {{
          const style = getComputedStyle(e), page = getComputedStyle(document.body);
          const colour = e instanceof SVGElement ? style.fill : style.color;
          return [colour, page.backgroundColor];
        }})"""
    )
    assert len(pairs) > 300

    def hexed(colour):
        return "#" + "".join(f"{int(v):02x}" for v in re.findall(r"\d+", colour)[:3])

    for text, ground in {tuple(pair) for pair in pairs}:
        assert contrast(hexed(text), hexed(ground)) >= 4.5, (text, ground)
