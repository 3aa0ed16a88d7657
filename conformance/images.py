"""What is in a picture, a GeoTIFF or an array that a server sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from rasterio.io import DatasetReader, MemoryFile

from conformance.client import essence

GEOTIFF = ("image/tiff",)
NPY = "application/x-npy"


def body(answer: httpx.Response) -> bytes:
    """The content of a successful answer."""
    assert answer.status_code == 200, f"{answer.url}: {answer.status_code}, not 200"
    return answer.content


def picture(answer: httpx.Response) -> Image.Image:
    """The image of a successful answer, wholly decoded."""
    image = Image.open(BytesIO(body(answer)))
    image.load()
    return image


def pixels(answer: httpx.Response) -> NDArray[np.uint8]:
    """Red, green, blue and alpha of an image (row, col, band)."""
    return np.asarray(picture(answer).convert("RGBA"))


def array(answer: httpx.Response) -> NDArray[Any]:
    """The array of a successful answer, as NumPy wrote it."""
    values: NDArray[Any] = np.load(BytesIO(body(answer)), allow_pickle=False)
    return values


@contextmanager
def dataset(answer: httpx.Response) -> Iterator[DatasetReader]:
    """The GeoTIFF of a successful answer, open."""
    with MemoryFile(body(answer)) as file, file.open() as reader:
        yield reader


def tiff_tags(answer: httpx.Response) -> set[int]:
    """The tags of the first image in a TIFF."""
    content = BytesIO(body(answer))
    directory = ImageFileDirectory_v2(content.read(8))
    content.seek(directory.next)
    directory.load(content)
    return set(directory)


def size_of(answer: httpx.Response) -> tuple[int, int] | None:
    """Width and height of an image or coverage; None where its format has no cells."""
    media = essence(answer.headers.get("content-type", ""))
    if media in GEOTIFF:
        with dataset(answer) as reader:
            return reader.width, reader.height
    if media == NPY:
        _, height, width = array(answer).shape
        return width, height
    return picture(answer).size if media.startswith("image/") else None
