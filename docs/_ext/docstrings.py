"""Docstrings as they are written here, for Sphinx: see `to_rst.py`."""

import re

from api_pages import public_names
from docutils import nodes
from docutils.utils import unescape
from sphinx import addnodes
from to_rst import ROLE, to_rst

NAME = re.compile(r"[A-Za-z_][\w.]*")
ARGUMENTS = ("behaviour", "method", "system", "task", "way")
"""Names of arguments far more often than of the public functions that are called the same."""


def _process(app, what, name, found, options, lines):
    lines[:] = to_rst("\n".join(lines)).split("\n")


def _skip(app, what, name, found, skip, options):
    """The fields of a named tuple are in its docstring, if they need to be told."""
    if (getattr(found, "__doc__", None) or "").startswith("Alias for field number"):
        return True
    return skip


def _signature(app, what, name, found, options, signature, returned):
    """Defaults by their names: `float32` where Python has `<class 'jax.numpy.float32'>`."""
    if signature:
        signature = re.sub(r"<class '([\w.]*\.)?(\w+)'>", r"\2", signature)
        signature = signature.replace("<factory>", "...")
    return signature, returned


def _named(role, rawtext, text, lineno, inliner, options=None, content=()):
    """Code, which links to what it names."""
    text = unescape(text)
    literal = nodes.literal(rawtext, text, classes=["py"])
    target = text.removesuffix("()").removeprefix("tt.")
    if not NAME.fullmatch(target) or text in ARGUMENTS:
        return [literal], []
    context = inliner.document.settings.env.ref_context
    reference = addnodes.pending_xref(
        rawtext,
        refdomain="py",
        reftype="obj",
        reftarget=target,
        refexplicit=False,
        refwarn=False,
        maybe=True,
    )
    reference["py:module"] = context.get("py:module")
    reference["py:class"] = context.get("py:class")
    reference += literal
    return [reference], []


def _resolve(app, env, node, contnode):
    """A name that Python's own rules do not find: a file, a public name, or plain code."""
    if not node.get("maybe"):
        return None
    domain, name = env.get_domain("py"), node["reftarget"]
    if name.endswith(".py"):  # of the same room first: several rooms have a file of one name
        module, page = name.removesuffix(".py"), node["refdoc"].rpartition("/")[2]
        room = page.removeprefix("room-").split(".")[0]
        found = domain.objects.get(f"throughtime.{room}.{module}")
        found = found or _index(app, domain).get(f"{module}.")
    else:
        found = _index(app, domain).get(name) or domain.objects.get(f"throughtime.{name}")
    if found is None or found[0] == node["refdoc"]:
        return contnode
    uri = app.builder.get_relative_uri(node["refdoc"], found[0])
    return nodes.reference("", "", contnode, internal=True, refuri=f"{uri}#{found[1]}")


def _index(app, domain):
    """Names with a single owner; `cells.` stands for the module of `cells.py`."""
    index = getattr(app, "throughtime_names", None)
    if index is not None:
        return index
    owners = {}
    for name, entry in domain.objects.items():
        parts = name.split(".")
        where = (entry.docname, entry.node_id)
        if entry.objtype == "module":
            owners.setdefault(parts[-1] + ".", set()).add(where)
            owners.setdefault(".".join(parts[1:]), set()).add(where)
        elif entry.objtype in ("class", "function", "exception", "data", "method"):
            owners.setdefault(".".join(parts[-2:]), set()).add(where)
            if "_" in parts[-1] or parts[-1] != parts[-1].lower():
                owners.setdefault(parts[-1], set()).add(where)
    for name, home in public_names().items():
        entry = domain.objects.get(f"throughtime.{name}")
        if entry:
            path = f"{home.rpartition('.')[2]}.{name}"
            owners.setdefault(path, set()).add((entry.docname, entry.node_id))
    app.throughtime_names = {
        name: next(iter(places)) for name, places in owners.items() if len(places) == 1
    }
    return app.throughtime_names


def setup(app):
    app.add_role(ROLE, _named)
    app.connect("autodoc-process-docstring", _process, priority=100)  # numpydoc's is 500
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
