"""Shows sphinx-gallery figures made without pyplot, as `throughtime.reports` does."""

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def _scrape(block, block_vars, gallery_conf):
    """The figures among a program's names that were not shown below an earlier block."""
    names, shown = block_vars["example_globals"], []
    seen = names.setdefault("__figures__", [])
    for figure in [value for value in names.values() if isinstance(value, Figure)]:
        if figure.number if hasattr(figure, "number") else any(figure is old for old in seen):
            continue  # pyplot's own are shown already
        seen.append(figure)
        path = next(block_vars["image_path_iterator"])
        figure.savefig(path, dpi=160, bbox_inches="tight")
        shown.append(path)
    return figure_rst(shown, gallery_conf["src_dir"])


def _get_sg_image_scraper():
    return _scrape
