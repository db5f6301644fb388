"""Pages and pictures as a test reads them: tags, texts, curves."""

import shutil
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Text by element, ids, attributes; fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.attributes = [], [], [], []
        self.tables, self.texts = [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        for tag in self.open[-1:]:
            self.texts[tag] = self.texts.get(tag, "") + data
        if {"th", "td"} & set(self.open):
            self.tables[-1][-1][-1] += data


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(e.itertext()) for e in ET.fromstring(svg).iter(f"{SVG}text")]


HOSTILE = '<script>alert(1)</script> & "x" $\\frac{ \x00\n'


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].get_lines()}
