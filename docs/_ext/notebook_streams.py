"""What a command prints on an executed page, in one piece.

A notebook gets it in pieces of a hundred characters, and MyST-NB puts a line's end after each.
"""

from myst_nb.core import render


def joined(outputs):
    """The outputs of a cell; those of a stream are one, as they were printed."""
    kept, streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            kept.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
            kept.append(output)
    return kept


def setup(app):
    render.coalesce_streams = joined
    return {"parallel_read_safe": True, "parallel_write_safe": True}
