"""JSON with a digest of itself: what is read back, and what is refused."""

import hashlib
import json

import pytest
from conftest import refuses
from pydantic import BaseModel, ConfigDict

from throughtime._support.integrity import digest, read_json, read_verified, write_json


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int
    name: str
    sizes: tuple[int, ...] = ()


PLAIN = {"format": 1, "name": "Größe \u2028 <b>", "sizes": [3, 4]}


@pytest.fixture
def path(tmp_path):
    write_json(tmp_path / "document.json", PLAIN)
    return tmp_path / "document.json"


def test_a_digest_is_the_sha256():
    # FIPS 180-4: of "abc", and of nothing
    assert digest(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")
    assert digest(b"") == hashlib.sha256(b"").hexdigest()


def test_what_was_written_is_read_back(path):
    assert read_json(path, Document, 1) == Document(**PLAIN)
    assert read_json(path, Document, 7).sizes == (3, 4)  # an older format
    assert path.read_text().endswith("}\n")
    assert json.loads(path.read_text()) == {
        **PLAIN,
        "digest": json.loads(path.read_text())["digest"],
    }


def test_the_digest_is_of_the_values_not_of_their_layout(path):
    plain = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(plain.items()))))
    assert read_json(path, Document, 1) == Document(**PLAIN)


def change_values(path, **changes):
    """Change values in the file, and leave the digest as it was."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [{"name": "other"}, {"sizes": [3, 5]}, {"more": 1}, {"digest": "0" * 64}, {"digest": None}],
)
def test_a_change_is_refused(path, changes):
    change_values(path, **changes)
    with refuses(f"`{path}`, but its content does not match its digest. Restore the file"):
        read_json(path, Document, 1)


def test_a_missing_digest_is_refused(path):
    path.write_text(json.dumps(PLAIN))
    with refuses("does not match its digest"):
        read_json(path, Document, 1)


def test_a_newer_format_asks_for_a_newer_version(path):
    """Even if the newer format has other fields."""
    change_values(path, format=2, new="field")
    with refuses("format must be at most 1; got 2. Install a newer version of throughtime."):
        read_json(path, Document, 1)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"format": 1, "name": "x', b"NaN x"]
)
def test_what_is_not_json_is_refused(path, content):
    path.write_bytes(content)
    with refuses("but it is not JSON"):
        read_json(path, Document, 1)


@pytest.mark.parametrize(
    "plain", [[], 3, None, "text", {}, {"format": "1"}, {"format": True}, {"format": None}]
)
def test_what_has_no_format_is_refused(path, plain):
    path.write_text(json.dumps(plain))
    with refuses("but it has no format number"):
        read_json(path, Document, 1)


@pytest.mark.parametrize(
    "plain, name",
    [
        ({"format": 1}, "name"),
        ({"format": 1, "name": 3}, "name"),
        ({"format": 1, "name": "a", "sizes": ["b"]}, "sizes"),
        ({"format": 1, "name": "a", "more": 1}, "more"),
    ],
)
def test_values_of_another_type_are_refused_despite_a_right_digest(path, plain, name):
    write_json(path, plain)
    with refuses(f"but `{name}` is not valid"):
        read_json(path, Document, 1)


def test_a_missing_file_and_a_folder_are_refused(path, tmp_path):
    with refuses("but the file is missing"):
        read_json(tmp_path / "none.json", Document, 1)
    with refuses("but it cannot be read (Is a directory)"):
        read_json(tmp_path, Document, 1)


def test_the_digest_of_another_file_is_checked(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    assert read_verified(path, {"weights": digest(b"abc"), "other": digest(b"")}) == b"abc"
    for digests in ({"weights": digest(b"abd")}, {"other": digest(b"abc")}, {}):
        with refuses("its content does not match its digest"):
            read_verified(path, digests)
    path.unlink()
    with refuses("the file is missing"):
        read_verified(path, {"weights": digest(b"abc")})
