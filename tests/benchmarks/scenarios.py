"""What is asked of every server, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass, replace

RGB = {"scene16": (0, 10000), "aligned16": (0, 10000), "scene8_jpeg": None, "scene8_webp": None, "aligned_jpeg": None}
"""Files of three fields, and the values that become black and white; None: they are colours already."""
HEIGHTS = (0, 3100)
"""The heights that become black and white."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The same tiles of the same data in the same form, asked of several servers."""

    name: str
    data: str
    """A single file, or a mosaic: `earth-4`."""
    tiles: str
    """A list of tiles."""
    form: str = "png"
    """png, jpeg, webp; tif and npy for values."""
    colormap: str | None = None
    resampling: str = "nearest"
    method: str = "first"
    connections: int = 4
    repeated: bool = False
    """Whether the same few tiles are asked again and again, so that caches of tiles may answer."""
    target: float | None = None
    """TiTiler / us in CPU time per tile, at least."""
    uncached_target: float = 2.0
    """The same with all caches off."""
    by_rate: bool = False
    """Whether the target is us / TiTiler in tiles per second instead."""
    remote: bool = False
    """Whether assets lie behind a slow web server."""
    is_quick: bool = True
    """Whether a quick run has it."""

    @property
    def is_mosaic(self) -> bool:
        """Whether the data are many files."""
        return self.data.partition("-")[0] in {"earth", "mars", "crowd"}

    @property
    def is_picture(self) -> bool:
        """Whether tiles are drawn."""
        return self.form not in {"tif", "npy"}

    @property
    def document(self) -> str:
        """The file that a server is told."""
        if self.remote:
            return f"remote-{self.data}.json"
        return f"{self.data}.json" if self.is_mosaic else f"{self.data}.tif"

    @property
    def range(self) -> tuple[int, int] | None:
        """The values that become the first and the last colour."""
        return RGB.get(self.data, HEIGHTS)

    @property
    def collection(self) -> str:
        """What our configuration calls the data in this manner."""
        parts = [self.data, *(() if self.method == "first" else (self.method,)), *(("remote",) if self.remote else ())]
        return "-".join([*parts, *(() if self.resampling == "nearest" else (self.resampling,))])


def _mosaics() -> list[Scenario]:
    found = []
    for overlaps, target in ((1, None), (4, 70), (16, 70)):
        one = Scenario(
            name=f"mosaic{overlaps}",
            data=f"earth-{overlaps}",
            tiles=f"earth-{overlaps}",
            target=target,
            uncached_target=4,
            is_quick=target is not None,
        )
        found += [one, replace(one, name=f"mars{overlaps}", data=f"mars-{overlaps}", tiles=f"mars-{overlaps}")]
        if overlaps > 1:
            found.append(
                replace(
                    one,
                    name=f"mosaic{overlaps}-mean",
                    method="mean",
                    target=None,
                    uncached_target=2,
                    is_quick=overlaps == 16,
                )
            )
    return found


_SCENE = Scenario(name="scene-png", data="scene16", tiles="scene", target=6, uncached_target=4)

SCENARIOS: tuple[Scenario, ...] = (
    _SCENE,
    replace(_SCENE, name="scene-png-panning", tiles="panning", target=11),
    replace(_SCENE, name="scene-jpeg", form="jpeg", target=3.5, uncached_target=2),
    replace(_SCENE, name="scene-webp", form="webp", target=None, uncached_target=2, is_quick=False),
    replace(_SCENE, name="scene-tif", form="tif", target=None, uncached_target=2, is_quick=False),
    replace(_SCENE, name="scene-npy", form="npy", target=None, uncached_target=2),
    replace(_SCENE, name="scene-png-bilinear", resampling="bilinear", target=None),
    Scenario(name="jpeg-jpeg", data="scene8_jpeg", tiles="scene", form="jpeg", target=8),
    Scenario(name="jpeg-png", data="scene8_jpeg", tiles="scene", uncached_target=4),
    Scenario(name="webp-webp", data="scene8_webp", tiles="scene", form="webp", is_quick=False),
    Scenario(name="aligned-jpeg", data="aligned_jpeg", tiles="aligned_jpeg", form="jpeg", target=40),
    Scenario(name="aligned16-png", data="aligned16", tiles="aligned16", uncached_target=4, is_quick=False),
    Scenario(name="heights-png", data="heights", tiles="heights", target=35, uncached_target=4),
    Scenario(name="heights-colormap", data="heights", tiles="heights", colormap="viridis", uncached_target=4),
    Scenario(name="heights-tif", data="heights", tiles="heights", form="tif", is_quick=False),
    *_mosaics(),
    Scenario(name="crowd", data="crowd", tiles="earth-16", target=300, uncached_target=4),
    Scenario(name="repeated-jpeg", data="aligned_jpeg", tiles="one aligned", form="jpeg", repeated=True, target=150),
    Scenario(name="repeated-png", data="heights", tiles="one heights", repeated=True, target=150),
    Scenario(name="remote", data="earth-4", tiles="earth-4", connections=8, target=15, by_rate=True, remote=True),
)
