"""The install file is given other images, and a file that does not name them is refused."""

import pytest

from dev.push import DOCKERFILES, INSTALL, version, with_images


def test_every_image_is_replaced_wherever_it_stands() -> None:
    pairs = [(f"{name}:{version()}", f"example.com/team/{name}:1") for name in DOCKERFILES]
    text = with_images(INSTALL.read_text(encoding="utf-8"), pairs)
    for old, new in pairs:
        assert f" {old}\n" not in text
        assert f" {new}\n" in text


def test_an_image_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="make generate"):
        with_images("image: other:1\n", [("vertice-bot:0.1.0", "x")])
