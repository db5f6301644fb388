"""The site: `scripts/docs` builds it, into `docs/_build/html`.

With `THROUGHTIME_DOCS=fast` no page is executed: everything is checked but what programs say.
"""

import os
import re
import sys
import tomllib
from importlib.metadata import files
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_ext"))

import api_pages  # noqa: E402
import command_pages  # noqa: E402
import notebook_files  # noqa: E402

from throughtime.lecture.playground import write_playground  # noqa: E402

FAST = os.environ.get("THROUGHTIME_DOCS") == "fast"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCE = PROJECT["urls"]["Source"]

project = "throughtime"
author = copyright = "The throughtime developers"
version = release = PROJECT["version"]

api_pages.write(HERE / "generated" / "api")
command_pages.write(HERE / "generated" / "commands.rst")
write_playground(HERE / "generated" / "static" / "playground.html")
notebook_files.write(HERE / "generated" / "static" / "notebooks", SOURCE)

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "docstrings",
    "myst_nb",
    "notebook_streams",
    "notebook_files",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "generated/**/*.ipynb", "generated/**/*.md5"]
exclude_patterns += ["generated/*/*.py", "generated/*/*.json", "**/sg_execution_times.rst"]
exclude_patterns += ["sg_execution_times.rst"]
nitpicky = True
default_role = "named"
highlight_language = "none"

# Docstrings.
autosummary_generate = False
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_mock_imports = [
    "torch",
    "keras",
    "onnx",
    "sktime",
    "darts",
]  # not installed where the site is built
# Methods that scikit-learn adds to its estimators, described on its own pages.
autodoc_default_options = {"exclude-members": "set_fit_request, set_score_request"}
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
add_module_names = False

# Pages in Markdown, executed where they have code.
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline", "attrs_block", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True
nb_execution_mode = "off" if FAST else "force"
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"
nb_code_prompt_show = "Show the solution"  # where another cell is folded it says so itself
nb_code_prompt_hide = "Hide the solution"
nb_ipywidgets_js = {}

sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "gallery"],
    "gallery_dirs": ["generated/tutorials", "generated/gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "plot_gallery": not FAST,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10**6,
    "remove_config_comments": True,
    "copyfile_regex": r".*GALLERY_HEADER\.rst",
    "abort_on_example_error": True,
    "image_scrapers": ("matplotlib", "gallery_figures"),
    "image_srcset": ["2x"],
    "thumbnail_size": (400, 260),
    "default_thumb_file": str(HERE / "_static" / "logo.svg"),
    "nested_sections": False,
}

# The look. Nothing is fetched from elsewhere: fonts, scripts and MathJax are in the site.
html_theme = "pydata_sphinx_theme"
html_title = "throughtime"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
mathjax_path = "tex-svg-full.js"
MATHJAX = next(f for f in files("sphinx-mathjax-offline") or [] if f.name == mathjax_path)
html_static_path = ["_static", "generated/static", str(MATHJAX.locate())]
html_css_files = ["throughtime.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "logo": {"text": "throughtime"},
    "github_url": SOURCE,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "show_nav_level": 1,
    "navigation_depth": 3,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
ALONE = ("index", "lecture", "slides", "performance", "architecture", "design", "changes")
ALONE += ("notebooks/*",)
html_sidebars = {page: [] for page in ALONE}

LINK = re.compile(r"(\]\()(?!\w+:|#|/)([^)#\s]+)((?:#[^)]*)?\))")


def link_to_source(app, docname, source):
    """Links of a page in Markdown to files that are not pages lead to the source."""
    folder = (HERE / docname).parent

    def address(match):
        file = (folder / match[2]).resolve()
        inside = file.is_relative_to(HERE) and file.suffix in (".md", ".png", ".svg")
        if inside or not file.exists():
            return match[0]
        kind = "tree" if file.is_dir() else "blob"
        return f"{match[1]}{SOURCE}/{kind}/main/{file.relative_to(ROOT)}{match[3]}"

    if not docname.startswith("generated/"):
        source[0] = LINK.sub(address, source[0])


def setup(app):
    app.connect("source-read", link_to_source)
