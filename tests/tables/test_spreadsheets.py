"""Sheets of .xlsx and .ods files, written here by hand: the XML that both are."""

import datetime as dt
import importlib.util
import io
import zipfile

import pytest
from conftest import refuses

from throughtime.data.loading import to_series
from throughtime.tables import spreadsheets

ROWS = [
    ["Flow at the weir", ""],
    ["date", "flow"],
    ["2021-01-29", 10.5],
    ["2021-01-30", 11.857],
    ["2021-01-31", 12.25],
    ["2021-02-01", -3],
    ["Source: office", ""],
]

SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
ODF = "urn:oasis:names:tc:opendocument:xmlns"

needs_fastexcel = pytest.mark.skipif(
    importlib.util.find_spec("fastexcel") is None, reason="fastexcel is not installed"
)


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def xlsx(*sheets):
    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        if isinstance(value, dt.date):
            return f'<c s="1"><v>{(value - dt.date(1899, 12, 30)).days}</v></c>'
        return f"<c><v>{value}</v></c>"

    def sheet(rows):
        lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        return f'<worksheet xmlns="{SHEET}"><sheetData>{lines}</sheetData></worksheet>'

    ids = range(1, len(sheets) + 1)
    names = "".join(f'<sheet name="S{i}" sheetId="{i}" r:id="r{i}"/>' for i in ids)
    links = "".join(
        f'<Relationship Id="r{i}" Type="{LINK}/worksheet" Target="worksheets/s{i}.xml"/>'
        for i in ids
    )
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{kinds}.styles+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship '
            f'Id="r0" Type="{LINK}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{LINK}"><sheets>{names}'
            "</sheets></workbook>",
            "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><cellXfs count="2">'
            '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
            "</styleSheet>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'{links}<Relationship Id="rs" Type="{LINK}/styles" Target="styles.xml"/>'
            "</Relationships>",
        }
        | {f"xl/worksheets/s{i}.xml": sheet(rows) for i, rows in enumerate(sheets, 1)}
    )


def ods(*sheets):
    def cell(value):
        if isinstance(value, str):
            kind, text = 'office:value-type="string"', f"<text:p>{value}</text:p>"
        else:
            kind, text = f'office:value-type="float" office:value="{value}"', ""
        return f"<table:table-cell {kind}>{text}</table:table-cell>"

    def row(cells):
        return f"<table:table-row>{''.join(map(cell, cells))}</table:table-row>"

    tables = "".join(
        f'<table:table table:name="S{i}">{"".join(map(row, rows))}</table:table>'
        for i, rows in enumerate(sheets, 1)
    )
    names = "".join(f' xmlns:{n}="{ODF}:{n}:1.0"' for n in ("office", "table", "text"))
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped(
        {
            "mimetype": mime,
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{ODF}:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mime}"/>'
            "</manifest:manifest>",
            "content.xml": f"<office:document-content{names}><office:body><office:spreadsheet>"
            f"{tables}</office:spreadsheet></office:body></office:document-content>",
        }
    )


@needs_fastexcel
@pytest.mark.parametrize(("make", "ending"), [(xlsx, "xlsx"), (ods, "ods")])
def test_a_sheet_is_read_as_a_text_table_is(write, make, ending):
    (series,) = to_series(write(make(ROWS), f"lab.{ending}"))
    assert series.targets[:, 0].tolist() == [10.5, 11.857, 12.25, -3]
    assert series.target_names == ("flow",) and series.times.labels()[0] == "2021-01-29"
    assert "1 line of title skipped" in series.remarks


@needs_fastexcel
def test_cells_that_are_dates_are_stamps(write):
    days = [[dt.date(2021, 1, 31) + dt.timedelta(days=i), i**2] for i in range(5)]
    (series,) = to_series(write(xlsx([["day", "flow"], *days]), "lab.xlsx"))
    assert series.times.labels()[0] == "2021-01-31" and series.times.describe() == "1 day"
    assert series.targets[:, 0].tolist() == [0, 1, 4, 9, 16]


@needs_fastexcel
def test_a_damaged_spreadsheet_is_refused(write):
    raw = xlsx(ROWS).replace(b"sheetData", b"sheetDxta")
    with refuses("must hold a"):
        to_series(write(raw, "lab.xlsx"))


@needs_fastexcel
def test_which_of_several_sheets_is_told(write):
    (series,) = to_series(write(xlsx(ROWS[1:6], ROWS), "lab.xlsx"))
    assert series.remarks == ("sheet `S1` of 2",)


@needs_fastexcel
def test_an_empty_sheet_is_no_table(write):
    with refuses("a data file must hold a table; got lab.xlsx, empty."):
        to_series(write(xlsx([]), "lab.xlsx"))


def test_the_package_to_install_is_named(write, monkeypatch):
    monkeypatch.setattr(spreadsheets.importlib.util, "find_spec", lambda name: None)
    with refuses('Install it: `pip install "throughtime[spreadsheets]"`; or save the sheet'):
        to_series(write(xlsx(ROWS), "lab.xlsx"))
