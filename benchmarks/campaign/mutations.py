"""Ways in which a file of a run is damaged, or forged."""

import json
import random
from typing import Any

import numpy as np

JUNK = (
    *(None, True, -1, 0, 1.5, "a", "", [], [1], [[1]], {}, {"a": 1}, 10**30, 1e999, 2**63),
    *(float("nan"), "../../etc/passwd", "/etc/passwd", "\0", "__import__('os')", "a" * 10_000),
)
"""Values that stand where others are expected."""

BROKEN_JSON = (
    *("[" * 100_000, "{" * 1000, '{"a":' * 5000, "NaN", "9" * 5000, "[]", "null", '"a"', "{}"),
    *('{"__metadata__": 3}', '{"__metadata__": {"a": 1}}', '{"a": {"dtype": "F32"}}'),
    '{"a": {"dtype": "F32", "shape": [1000000000000], "data_offsets": [0, 4]}}',
    '{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
    '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}',
    '{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 99999999999999]}}',
    '{"a": {"dtype": "Q7", "shape": [1], "data_offsets": [0, 4]}}',
)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A file after an accident: bits, bytes or lengths that are others."""
    raw, kind = bytearray(content), chance.randrange(7)
    at = chance.randrange(len(raw)) if raw else 0
    if kind == 0 and raw:
        raw[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del raw[at:]
    elif kind == 2:
        end = min(len(raw), at + chance.randrange(1, 600))
        raw[at:end] = bytes(end - at)
    elif kind == 3:
        raw += chance.randbytes(chance.randrange(1, 20))
    elif kind == 4:
        raw[at:at] = chance.randbytes(chance.randrange(1, 9))
    elif kind == 5:
        del raw[at : at + chance.randrange(1, 9)]
    else:
        return headed(content, chance)
    return bytes(raw)


def headed(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file with a header that lies: its length, or what it says."""
    if chance.random() < 0.3:
        size = chance.choice([0, 1, 2**31, 2**63 - 1, 2**64 - 1, len(content), 100_000_001])
        return size.to_bytes(8, "little") + content[8:]
    header = chance.choice(BROKEN_JSON).encode()
    return len(header).to_bytes(8, "little") + header + bytes(8)


def forged(content: bytes, name: str, chance: random.Random) -> bytes:
    """A file that somebody changed with care, whose digest will be right."""
    if name.endswith(".safetensors"):
        return _forged_tensors(content, chance)
    if name.endswith(".jsonl"):
        lines = content.decode().splitlines()
        at = chance.randrange(len(lines))
        plain = json.loads(lines[at])
        put(plain, chance)
        lines[at] = json.dumps(plain)
        return ("\n".join(lines) + "\n").encode()
    plain = json.loads(content)
    put(plain, chance)
    return json.dumps(plain).encode()


def resized(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """An array of another shape or type, of nearly the same numbers."""
    axis = chance.randrange(array.ndim) if array.ndim else 0
    along = array if array.ndim else array[None]
    changed = (
        lambda: array.ravel(),
        lambda: array[None],
        lambda: array[..., None],
        lambda: array.T,
        lambda: np.take(along, range(along.shape[axis] - 1), axis),
        lambda: np.take(along, range(along.shape[axis] // 2), axis),
        lambda: np.take(along, [0] if along.shape[axis] else [], axis),
        lambda: np.concatenate([along, along], axis),
        lambda: np.concatenate(
            [along, along[(slice(None),) * axis + (slice(-1, None),)]], axis
        ),
        lambda: along[(slice(None),) * axis + (slice(0, 0),)],
        lambda: np.zeros((), array.dtype),
        lambda: array.astype(chance.choice(["float64", "float32", "float16"])),
        lambda: np.nan_to_num(array).astype(chance.choice(["int64", "int32", "uint8", "bool"])),
    )
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(chance.choice(changed)())


def with_other_arrays(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file of which an array or two have another shape or type, or are gone."""
    from safetensors.numpy import load, save

    tensors, size = load(content), int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + size]).get("__metadata__")
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice(sorted(tensors))
        if chance.random() < 0.9:
            tensors[name] = resized(tensors[name], chance)
        elif len(tensors) > 1:
            del tensors[name]
    return save(tensors, metadata)


def _forged_tensors(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file of which an entry of the header, or its metadata, is another."""
    if chance.random() < 0.5:
        return with_other_arrays(content, chance)
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    meta = header.get("__metadata__", {})
    key = chance.choice([key for key in ("kept", "history") if key in meta] or [""])
    if key == "kept" and chance.random() < 0.6:
        kept = json.loads(meta[key])
        put(kept, chance)
        meta[key] = json.dumps(kept)
    elif chance.random() < 0.3 and data:
        where = chance.randrange(len(data) // 4) * 4
        value = chance.choice([b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\xff\x7f", bytes(4)])
        data = data[:where] + value + data[where + 4 :]
    else:
        put(header, chance)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def paths(plain: Any, path: tuple = ()) -> list[tuple]:
    """The path to every value of a JSON document."""
    found = [path] if path else []
    if isinstance(plain, dict):
        children = list(plain.items())
    else:
        children = list(enumerate(plain)) if isinstance(plain, list) else []
    for key, value in children:
        found += paths(value, (*path, key))
    return found


def put(plain: Any, chance: random.Random) -> None:
    """Change a value of a JSON document: another kind of value, one twice, or none."""
    found = paths(plain)
    if not found:
        return
    *before, last = chance.choice(found)
    for key in before:
        plain = plain[key]
    kind = chance.randrange(10)
    if kind == 0:
        del plain[last]
    elif kind == 1 and isinstance(plain, dict):
        plain[f"{last}x"] = plain[last]
    elif kind == 2 and isinstance(plain[last], int | float):
        plain[last] = plain[last] * chance.choice([-1, 2, 1e6, 1e-6])
    else:
        plain[last] = chance.choice(JUNK)
