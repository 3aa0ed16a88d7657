"""What a configuration file may say, and what it is told when it says something else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogcapi.config import VARIABLE, CommandLine, Config, ConfigMistakes, config_from_environment, config_of, load_config
from ogcapi.config.section import Section
from ogcapi.config.sections import File, nested
from ogcapi.config.sources import unique_ids
from ogcapi.config.values import check_id
from ogcapi.model.raster import Resampling
from ogcapi.model.style import Categories, Intervals, Ramp

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([a-z_.<>\[\]]+)` \| (.+?) \|", TABLE, re.MULTILINE))
WORDS = [*re.findall(r"[a-z_]+", " ".join(ROWS)), "dem"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small GeoTIFF, `dem.tif`, and a mosaic of it, `mosaic.json`."""
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "dem.tif", "w", transform=rasterio.Affine(1, 0, 0, 0, -1, 4), **profile) as raster:
        raster.write(np.ones((1, 4, 4), "uint8"))
    mosaic = {"mosaicjson": "0.0.3", "minzoom": 0, "maxzoom": 1, "tiles": {"1": ["dem.tif"]}}
    (tmp_path / "mosaic.json").write_text(json.dumps(mosaic))
    return tmp_path


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.yml"
    path.write_text(text)
    return load_config(path, environ)


def mistakes(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigMistakes) as found:
        load(folder, text, **environ)
    return str(found.value)


def collection(options: str = "{}", name: str = "COG", data: str = "dem.tif") -> str:
    provider = f"{{type: coverage, name: {name}, data: {data}, options: {options}}}"
    return f"resources:\n  dem:\n    type: collection\n    providers: [{provider}]\n"


def style_of(folder: Path, text: str) -> Any:
    return load(folder, collection(f"{{styles: {{s: {text}}}}}")).resources["dem"].options.styles[0]


def style_mistakes(folder: Path, text: str) -> str:
    return mistakes(folder, collection(f"{{styles: {{s: {text}}}}}"))


class TestDefaults:
    def test_a_collection_needs_its_data_and_nothing_else(self, folder: Path) -> None:
        config = load(folder, "resources: {my_dem: {providers: [{name: COG, data: dem.tif}]}}")
        resource = config.resources["my_dem"]
        assert (resource.id, resource.title, resource.hidden) == ("my_dem", "My dem", False)
        assert resource.provider.data == str(folder / "dem.tif")
        assert resource.options.resampling is Resampling.NEAREST
        assert (config.server.bind.host, config.server.bind.port) == ("127.0.0.1", 8000)
        assert config.folder == folder

    def test_sections_whose_keys_are_all_commented_out_are_the_defaults(self, folder: Path) -> None:
        config = load(folder, "server:\nlogging:\nmetadata:\n" + collection())
        assert config.server == load(folder, collection()).server

    def test_the_result_cannot_be_changed(self, folder: Path) -> None:
        config = load(folder, collection())
        with pytest.raises(ValueError, match="frozen"):
            config.server.bind.port = 1
        with pytest.raises(AttributeError):
            config.resources["dem"].title = "another"  # type: ignore[misc]

    def test_the_demonstration_has_no_mistakes_and_leaves_nothing_out(self) -> None:
        config = load_config(ROOT / "config.yml", {})
        assert list(config.resources) == ["blue-marble", "black-marble", "earth-relief", "mola"]
        assert config.skipped == ()
        for resource in config.resources.values():
            assert resource.description
            assert resource.attribution
            assert resource.license
            assert resource.options.styles


class TestPygeoapi:
    FILE = """
server:
  bind: {host: 0.0.0.0, port: 5000}
  url: http://localhost:5000/
  mimetype: application/json; charset=UTF-8
  encoding: utf-8
  gzip: false
  languages: [en-US, fr-CA]
  cors: true
  pretty_print: true
  limits: {default_items: 20, max_items: 50, on_exceed: throttle}
  map: {url: "https://tiles.example.org/{z}/{x}/{y}.png", attribution: somebody}
  manager: {name: TinyDB, connection: /tmp/jobs.db, output_dir: /tmp}
  api_rules: {api_version: 1.2.3, strict_slashes: true, url_prefix: v1}
  templates: {path: /somewhere, static: /else}
  admin: false
logging: {level: DEBUG, logformat: "%(message)s", rotation: {mode: time, when: midnight}}
metadata:
  identification:
    title: {en: Data, fr: Données}
    description: {en: English words, fr: mots}
    keywords: {en: [one, two], fr: [un, deux]}
    keywords_type: theme
    terms_of_service: https://example.org/terms
    url: https://example.org
  license: {name: CC-BY 4.0, url: https://creativecommons.org/licenses/by/4.0/}
  provider: {name: Organization, url: https://example.org}
  contact: {name: "Last, First", email: you@example.org, phone: "+1", role: pointOfContact, hours: always}
resources:
  obs:
    type: collection
    title: Observations
    providers: [{type: feature, name: CSV, data: obs.csv, id_field: id, geometry: {x_field: lon, y_field: lat}}]
  lakes/large:
    type: collection
    providers:
      - {type: feature, name: GeoJSON, data: lakes.geojson}
      - {type: tile, name: MVT-tippecanoe, data: tiles, options: {zoom: {min: 0, max: 5}}}
  model:
    type: collection
    providers: [{type: coverage, name: xarray, data: file.nc}, {type: edr, name: xarray-edr, data: file.nc}]
  plugin:
    type: collection
    providers: [{type: coverage, name: mine.providers.Special, data: {any: thing}}]
  catalog: {type: stac-collection, providers: [{type: stac, name: FileSystem, data: x}]}
  hello: {type: process, processor: {name: HelloWorld}}
  temperature:
    type: collection
    title: {en: Temperature, fr: Température}
    keywords: [gdps]
    linked-data: {context: [{a: b}]}
    limits: {max_items: 3}
    extents:
      spatial: {bbox: [-180, -90, 180, 90], crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
      temporal: {begin: 2011-11-11T11:11:11Z, end: null, trs: "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"}
      height: {url: "https://example.org/height", range: [0, 10]}
    links: [{type: text/html, rel: canonical, title: more, href: https://example.org, hreflang: en-CA, length: 5}]
    providers:
      - {type: feature, name: GeoJSON, data: points.geojson}
      - type: coverage
        name: rasterio
        data: dem.tif
        x_field: x
        y_field: y
        options: {DATA_ENCODING: COMPLEX_PACKING}
        format: {name: GRIB, mimetype: application/x-grib2}
"""

    def test_a_file_for_pygeoapi_is_understood(self, folder: Path) -> None:
        config = load(folder, self.FILE)
        assert config.server.url == "http://localhost:5000"
        assert config.metadata.title == "Data"
        assert config.metadata.keywords == ("one", "two")
        assert config.metadata.license.name == "CC-BY 4.0"
        resource = config.resources["temperature"]
        assert resource.title == "Temperature"
        assert resource.provider.name == "rasterio"
        assert resource.time is not None
        assert (resource.time.start, resource.time.end) == (datetime(2011, 11, 11, 11, 11, 11, tzinfo=UTC), None)
        assert resource.links == (
            {
                "href": "https://example.org",
                "rel": "canonical",
                "type": "text/html",
                "title": "more",
                "hreflang": "en-CA",
            },
        )

    def test_what_is_not_served_yet_is_reported_and_left_out(self, folder: Path) -> None:
        config = load(folder, self.FILE)
        assert list(config.resources) == ["temperature"]
        text = "\n".join(config.skipped)
        for words in ("obs", "GeoJSON (feature), MVT-tippecanoe (tile)", "xarray (coverage)", "mine.providers.Special"):
            assert words in text
        assert "catalog is left out: resources of type stac-collection" in text
        assert "hello is left out: resources of type process" in text
        assert "temperature is served without GeoJSON (feature)" in text

    def test_the_coverage_that_is_called_the_default_is_served(self, folder: Path) -> None:
        providers = "[{name: COG, data: nowhere.tif}, {name: MosaicJSON, data: mosaic.json, default: true}]"
        config = load(folder, f"resources: {{dem: {{providers: {providers}}}}}")
        assert config.resources["dem"].provider.name == "MosaicJSON"
        assert "COG (coverage)" in config.skipped[0]

    @pytest.mark.parametrize(
        ("server", "title"),
        [
            ("{}", "Land"),
            ("{language: fr}", "Terre"),
            ("{languages: [fr-CA, en]}", "Terre"),
            ("{languages: [pt_BR]}", "Brasil"),
            ("{language: de}", "Land"),
        ],
    )
    def test_texts_in_several_languages_are_served_in_the_preferred_one(
        self, folder: Path, server: str, title: str
    ) -> None:
        text = f"server: {server}\nmetadata: {{identification: {{title: {{pt-br: Brasil, fr: Terre, en: Land}}}}}}\n"
        assert load(folder, text + collection()).metadata.title == title

    def test_without_english_the_first_language_is_served(self, folder: Path) -> None:
        text = "metadata: {identification: {title: {fr: Terre, de: Erde}}}\n"
        assert load(folder, text + collection()).metadata.title == "Terre"


class TestEnvironment:
    def test_variables_work_in_values_and_keys_at_any_depth(self, folder: Path) -> None:
        text = collection(name="${KIND:-COG}", data="${STEM}.${EXT:-tif}").replace("dem:", "${STEM}:")
        config = load(folder, text, STEM="dem")
        assert config.resources["dem"].provider.data == str(folder / "dem.tif")

    def test_a_plain_value_is_read_as_yaml_reads_it_and_a_quoted_one_stays_text(self, folder: Path) -> None:
        text = "server: {bind: {port: ${PORT}}, cors: ${CORS}}\n" + collection()
        config = load(folder, text, PORT="81", CORS="false")
        assert config.server.bind.port == 81
        assert config.server.cors is False
        said = mistakes(folder, "server: {bind: {port: '${PORT}'}}\n" + collection(), PORT="81")
        assert "server.bind.port (line 1): '${PORT}' was given; expected a whole number" in said

    def test_a_variable_that_is_not_set_is_one_mistake(self, folder: Path) -> None:
        said = mistakes(folder, "server: {bind: {port: ${PORT}}}\n" + collection())
        assert said.count("\n") == 0
        assert "expected the environment variable PORT to be set, or ${PORT:-default}" in said

    def test_an_empty_variable_takes_the_default_as_in_a_shell(self, folder: Path) -> None:
        config = load(folder, "server: {bind: {port: ${PORT:-99}}}\n" + collection(), PORT="")
        assert config.server.bind.port == 99

    def test_a_value_cannot_add_keys(self, folder: Path) -> None:
        config = load(folder, "metadata: {identification: {title: ${T}}}\n" + collection(), T="a\nserver: {cors: no}")
        assert config.metadata.title == "a\nserver: {cors: no}"

    @given(secret=st.text(st.characters(categories=("L", "N")), min_size=12))
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_mistake_shows_what_a_variable_holds(self, folder: Path, secret: str) -> None:
        keys = ["server: {url: ${S}, bind: {port: ${S}}, tile_matrix_sets: [${S}], cors: ${S}, limits: ${S}}"]
        keys += ["logging: {level: ${S}}", "metadata: {license: [${S}]}"]
        text = "\n".join(keys) + "\n" + collection("{resampling: ${S}}", data="${S}")
        said = mistakes(folder, text, S=secret)
        assert secret not in said
        assert said.count("${S}") >= 8

    @given(
        parts=st.lists(
            st.one_of(
                st.text(st.characters(exclude_characters="${}\0\n\r", categories=("L", "N", "P")), max_size=8),
                st.sampled_from(["${A}", "${B}", "${A:-x}", "${NOT:-x y}", "${NOT:-}"]),
            )
        )
    )
    def test_every_reference_is_replaced_where_it_stands(self, parts: list[str]) -> None:
        from ogcapi.config.document import parse_document

        environ = {"A": "1 ${B}", "B": ""}
        expected = {"${A}": "1 ${B}", "${B}": "", "${A:-x}": "1 ${B}", "${NOT:-x y}": "x y", "${NOT:-}": ""}
        document = parse_document(json.dumps({"key": "".join(parts)}, ensure_ascii=False), environ)
        assert document.mistakes == {}
        assert document.values["key"] == "".join(expected.get(part, part) for part in parts)


class TestMistakes:
    def test_all_are_told_at_once_in_the_order_of_the_lines(self, folder: Path) -> None:
        said = mistakes(
            folder,
            """
server:
  bind: {port: 80000}
  gzip: perhaps
  url: nowhere
  trusted_proxies: [proxy.example.org]
  access_log: xml
  limits: {cells: 0}
logging: {level: LOUD}
resources:
  dem:
    titel: Dem
    providers:
      - type: coverage
        name: COG
        data: absent.tif
        options: {mosaic_method: first, resampling: cubik, tile_matrix_sets: []}
""",
        )
        expected = [
            ("server.bind.port (line 3): 80000", "a whole number from 1 to 65535"),
            ("server.gzip (line 4): 'perhaps'", "true or false"),
            ("server.url (line 5): 'nowhere'", "an address such as https://example.org"),
            ("server.trusted_proxies[0] (line 6): 'proxy.example.org'", "an IP address"),
            ("server.access_log (line 7): 'xml'", "one of text, json, off"),
            ("server.limits.cells (line 8): 0", "a whole number from 1"),
            ("logging.level (line 9): 'LOUD'", "one of CRITICAL, ERROR"),
            ("resources.dem.titel (line 12): 'Dem'", "did you mean title?"),
            ("resources.dem.providers[0].data (line 16): 'absent.tif'", f"relative paths begin at {folder}"),
            ("resources.dem.providers[0].options.resampling (line 17): 'cubik'", "did you mean cubic?"),
            ("resources.dem.providers[0].options.tile_matrix_sets (line 17): []", "at least one name"),
        ]
        lines = said.splitlines()
        assert len(lines) == len(expected)
        for line, (where, what) in zip(lines, expected, strict=True):
            assert line.startswith(where)
            assert what in line.partition("expected ")[2]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a: [1", "not YAML (line 1, column 6"),
            ("a: b: c", "not YAML (line 1, column 5"),
            ("\ta: b", "not YAML (line 1, column 1"),
            ("- one\n- two", 'the file: ["one", "two"] was given; expected keys with values'),
            ("", "resources: nothing was given"),
            ("resources:", "resources (line 1): nothing was given; expected keys with values"),
            ("resources: {a: }", "resources.a (line 1): nothing was given; expected keys with values"),
            ("resources: {a: {}}", "resources.a.providers (line 1): nothing was given; expected a list of providers"),
            ("resource: {}\nresources: {}", "did you mean resources?"),
            ("resources: &r {a: *r}", "a value that does not contain itself"),
            ("resources: !!python/name:os.system {}", "without a tag"),
            ("resources: {? [a] : b}", "a key is a text"),
            ("resources: {a: {type: colection}}", "did you mean collection?"),
            ("resources: {a: {providers: [{type: coverige, name: COG}]}}", "did you mean coverage?"),
            ("resources: {a: {providers: [{type: coverage, name: cog, data: x}]}}", "did you mean COG?"),
            ("resources: {a: {providers: [{type: coverage, name: GeoTIFF}]}}", "one of COG, MosaicJSON, rasterio"),
            (
                "resources: {a: {providers: [{type: coverage, name: COG}]}}",
                "providers[0].data (line 1): nothing was given",
            ),
            ("resources: {a: {providers: [{name: COG, data: {b: c}}]}}", '{"b": "c"} was given; expected a text'),
            (
                "resources: {a: {providers: [{name: COG, data: 'ftp://example.org/a.tif'}]}}",
                "http://, https:// or s3://",
            ),
            ("resources: {a: {providers: [{name: COG, data: 's3://'}]}}", "http://, https:// or s3://"),
            ("server: {bind: 8000}\nresources: {}", "server.bind (line 1): 8000 was given; expected keys with values"),
            ("server: {bind: {port: true}}\nresources: {}", "true was given; expected a whole number"),
            ("server: {tile_matrix_sets: set.json}\nresources: {}", "expected a list"),
            ("server: {tile_matrix_sets: [set.json]}\nresources: {}", "expected a file that exists"),
            ("server: {roots: [nowhere]}\nresources: {}", "expected a folder that exists"),
            ('server: {cache_control: {tiles: "a\\nb"}}\nresources: {}', "Cache-Control"),
            ("metadata: {identification: {title: 7}}\nresources: {}", "expected a text (in quotes"),
            ("resources: {a: {extents: {temporal: {begin: 1, end: 2}}, providers: [{name: COG}]}}", "RFC 3339"),
            ("resources: {a: {extents: {temporal: {begin: 2020-02-30}}}}", "type timestamp"),
        ],
    )
    def test_each_says_what_was_given_and_what_was_expected(self, folder: Path, text: str, expected: str) -> None:
        said = mistakes(folder, text)
        assert expected in said
        assert "was given; expected" in said

    def test_a_repeated_id_is_a_mistake_with_both_lines(self, folder: Path) -> None:
        said = mistakes(folder, collection() + "  dem: {providers: []}\n")
        assert "resources.dem (line 5): the same key again was given" in said
        assert "already on line 2" in said

    def test_keys_that_are_merged_from_an_anchor_may_be_given_again(self, folder: Path) -> None:
        text = """
x-base: &base {type: coverage, name: COG, data: nowhere.tif}
resources:
  one: {providers: [{<<: *base, data: dem.tif}]}
  two: {providers: [{<<: *base, data: dem.tif}]}
"""
        assert list(load(folder, text).resources) == ["one", "two"]

    def test_an_end_before_the_beginning_is_a_mistake(self, folder: Path) -> None:
        text = "    extents: {temporal: {begin: 2020-01-02, end: 2020-01-01}}\n"
        assert "an end that is not before the beginning" in mistakes(folder, collection() + text)

    def test_a_date_is_from_its_first_to_its_last_second_in_utc(self, folder: Path) -> None:
        text = "    extents: {temporal: {begin: 2020-01-01, end: '2020-01-01'}}\n"
        time = load(folder, collection() + text).resources["dem"].time
        assert time is not None
        assert time.start == datetime(2020, 1, 1, tzinfo=UTC)
        assert time.end == datetime(2020, 1, 1, 23, 59, 59, tzinfo=UTC)

    @pytest.mark.parametrize(
        "id_", ["", "a/b", "a%20b", "{id}", "a b", "a,b", "..", "dUmmYColLection", "a?", "x" * 201]
    )
    def test_ids_that_cannot_stand_in_a_path_are_mistakes(self, folder: Path, id_: str) -> None:
        assert "expected an id of 1 to 200" in mistakes(folder, collection().replace("dem:", f'"{id_}":'))

    @pytest.mark.parametrize("id_", ["a", "Größe", "a.b:c@d", "2020", "null", "no", "海"])
    def test_other_ids_are_taken_as_they_are_written(self, folder: Path, id_: str) -> None:
        assert list(load(folder, collection().replace("dem:", f"{id_}:")).resources) == [id_]

    def test_a_mosaic_method_without_a_mosaic_is_a_mistake(self, folder: Path) -> None:
        assert "only a MosaicJSON has one" in mistakes(folder, collection("{mosaic_method: mean}"))
        config = load(folder, collection("{mosaic_method: mean}", "MosaicJSON", "mosaic.json"))
        assert config.resources["dem"].options.mosaic_method == "mean"

    def test_keys_that_begin_with_x_are_for_others(self, folder: Path) -> None:
        load(folder, "x-a: 1\nserver: {x-b: 2, bind: {x-c: [3]}}\n" + collection("{x-d: {e: 4}}"))

    def test_a_file_that_cannot_be_read_is_a_mistake(self, folder: Path) -> None:
        with pytest.raises(ConfigMistakes, match=r"absent\.yml"):
            load_config(folder / "absent.yml", {})
        with pytest.raises(ConfigMistakes, match="can be read"):
            load_config(folder, {})
        (folder / "config.yml").write_bytes(b"title: \xff")
        with pytest.raises(ConfigMistakes, match="UTF-8"):
            load_config(folder / "config.yml", {})

    @given(
        text=st.one_of(
            st.text(),
            st.recursive(
                st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=3),
                    st.dictionaries(
                        st.one_of(st.sampled_from(WORDS), st.text(max_size=3)),
                        inner,
                    ),
                ),
                max_leaves=20,
            ).map(yaml.safe_dump),
        )
    )
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_text_is_a_configuration_or_has_mistakes(self, folder: Path, text: str) -> None:
        path = folder / "any.yml"
        path.write_text(text, "utf-8", "surrogatepass", newline="")
        found: list[str] = []
        try:
            load_config(path, {})
        except ConfigMistakes as error:
            found = [str(mistake) for mistake in error.mistakes] or ["no reason"]
        assert [line for line in found if "was given; expected" not in line or "\n" in line] == []


class TestStyles:
    def test_one_field_has_one_range(self, folder: Path) -> None:
        style = style_of(folder, "{fields: [height], range: [-8000, 2.1e4], colormap: terrain}")
        assert (style.id, style.title, style.fields, style.ranges) == ("s", "S", ("height",), ((-8000.0, 21000.0),))
        assert isinstance(style.colormap, Ramp)

    def test_three_fields_share_a_range_or_have_their_own(self, folder: Path) -> None:
        assert style_of(folder, "{fields: [r, g, b], range: [0, 1]}").ranges == ((0.0, 1.0),) * 3
        own = style_of(folder, "{fields: [r, g, b], range: [[0, 1], [0, 2], [3, 0]], gamma: 2}")
        assert own.ranges == ((0.0, 1.0), (0.0, 2.0), (3.0, 0.0))
        assert own.gamma == 2.0

    def test_a_colormap_with_values_needs_no_range(self, folder: Path) -> None:
        ramp = style_of(folder, "{fields: [a], colormap: [[-5, navy], [0, white], [5, green]]}")
        assert ramp.ranges == ((-5.0, 5.0),)
        steps = style_of(folder, "{fields: [a], colormap: [{from: 1, to: 3, color: red}, {from: 3, color: blue}]}")
        assert isinstance(steps.colormap, Intervals)
        classes = style_of(folder, "{fields: [a], colormap: {1: red, 7: {color: '#00f', label: Water}}}")
        assert isinstance(classes.colormap, Categories)
        assert classes.colormap.colors == ((1, (255, 0, 0, 255), None), (7, (0, 0, 255, 255), "Water"))

    def test_the_first_style_comes_first(self, folder: Path) -> None:
        text = "{styles: {b: {fields: [h], range: [0, 1]}, a: {fields: [h], range: [0, 1]}}}"
        options = load(folder, collection(text)).resources["dem"].options
        assert [style.id for style in options.styles] == ["b", "a"]

    @pytest.mark.parametrize(
        ("style", "expected"),
        [
            ("{fields: [a], range: [5, 5]}", "range (line 4): [5, 5] was given; expected [low, high], two different"),
            ("{fields: [a], range: [0, .nan]}", "two different numbers"),
            ("{fields: [a]}", "range (line 4): nothing was given"),
            ("{fields: [a, b, c], range: [[0, 1], [0, 1]]}", "or 3 such pairs"),
            ("{fields: [a, b], range: [0, 1]}", "one field, or three"),
            ("{fields: height, range: [0, 1]}", "a list of at least one name"),
            ("{range: [0, 1]}", "fields (line 4): nothing was given"),
            ("{fields: [a], range: [0, 1], gamma: 0}", "greater than zero"),
            ("{fields: [a], range: [0, 1], colormap: terain}", "such as terrain"),
            ("{fields: [a], range: [0, 1], colormap: ['#12345', red]}", "is no colour"),
            ("{fields: [a], range: [0, 2], colormap: [[0, red], [1, blue]]}", "no range, as the values"),
            ("{fields: [a, b, c], range: [0, 1], colormap: terrain}", "one field instead of three"),
        ],
    )
    def test_what_cannot_be_drawn_is_a_mistake(self, folder: Path, style: str, expected: str) -> None:
        assert expected in style_mistakes(folder, style)

    def test_ids_of_styles_keep_the_rules_of_ids(self, folder: Path) -> None:
        said = mistakes(folder, collection("{styles: {a/b: {fields: [h], range: [0, 1]}}}"))
        assert "styles.a/b (line 4): 'a/b' was given; expected an id" in said


class TestData:
    def test_addresses_are_kept_and_paths_are_made_absolute(self, folder: Path) -> None:
        for data in ("https://example.org/a.tif", "s3://bucket/a.tif"):
            provider = load(folder, collection(data=data)).resources["dem"].provider
            assert (provider.data, provider.trusted) == (data, False)
        (folder / "below").mkdir()
        provider = load(folder, collection(data="below/../dem.tif")).resources["dem"].provider
        assert (provider.data, provider.trusted) == (str(folder / "dem.tif"), True)

    def test_names_that_only_gdal_understands_are_for_rasterio(self, folder: Path) -> None:
        name = "'NETCDF:\"file.nc\":sst'"
        provider = load(folder, collection(name="rasterio", data=name)).resources["dem"].provider
        assert provider.data == 'NETCDF:"file.nc":sst'
        assert "a file that exists" in mistakes(folder, collection(name="COG", data=name))

    def test_a_folder_is_no_file(self, folder: Path) -> None:
        (folder / "folder").mkdir()
        assert "a file that exists" in mistakes(folder, collection(data="folder"))


class TestSources:
    def test_a_file_is_a_collection_named_after_it(self, folder: Path) -> None:
        resource = config_of(["dem.tif"], folder).resources["dem"]
        assert (resource.provider.name, resource.provider.data) == ("COG", str(folder / "dem.tif"))
        assert resource.provider.trusted

    def test_a_folder_is_its_mosaics_and_the_rasters_that_are_in_none(self, folder: Path) -> None:
        (folder / "other.tif").write_bytes((folder / "dem.tif").read_bytes())
        (folder / "notes.json").write_text('{"about": "something else"}')
        (folder / "broken.json").write_text("{")
        (folder / "notes.txt").write_text("words")
        (folder / "deeper").mkdir()
        (folder / "deeper" / "third.tif").write_bytes((folder / "dem.tif").read_bytes())
        config = config_of([str(folder)], Path.cwd())
        assert list(config.resources) == ["mosaic", "other"]
        assert config.resources["mosaic"].provider.name == "MosaicJSON"
        assert not config.resources["mosaic"].provider.trusted

    def test_the_assets_of_a_mosaic_with_a_prefix_are_found_too(self, folder: Path) -> None:
        mosaic = {"mosaicjson": "0.0.3", "asset_prefix": str(folder) + "/", "tiles": {"1": ["dem.tif"]}}
        (folder / "mosaic.json").write_text(json.dumps(mosaic))
        assert list(config_of(["."], folder).resources) == ["mosaic"]

    def test_an_asset_that_is_named_itself_is_served_too(self, folder: Path) -> None:
        assert list(config_of(["mosaic.json", "dem.tif"], folder).resources) == ["mosaic", "dem"]

    def test_a_source_is_served_once_however_often_it_is_named(self, folder: Path) -> None:
        assert list(config_of(["dem.tif", "./dem.tif", str(folder / "dem.tif")], folder).resources) == ["dem"]

    def test_addresses_are_not_opened_to_be_named(self, folder: Path) -> None:
        sources = ["https://example.org/a/My%20dem.tif?key=1", "s3://bucket/m.json.gz", "http://example.org/"]
        config = config_of(sources, folder)
        assert list(config.resources) == ["My-dem", "m", "collection"]
        assert [r.provider.name for r in config.resources.values()] == ["COG", "MosaicJSON", "COG"]

    def test_every_source_that_cannot_be_served_is_named(self, folder: Path) -> None:
        (folder / "empty").mkdir()
        (folder / "data.json").write_text("{}")
        (folder / "config.yml").write_text("")
        with pytest.raises(ConfigMistakes) as found:
            config_of(["absent.tif", "empty", "data.json", "config.yml", "ftp://example.org/a.tif", "dem.tif"], folder)
        assert [mistake.given for mistake in found.value.mistakes] == [
            "'absent.tif'",
            "'empty'",
            "'data.json'",
            "'config.yml'",
            "'ftp://example.org/a.tif'",
        ]

    @given(names=st.lists(st.one_of(st.text(), st.sampled_from(["a", "a.tif", "a-2", "a-2.tif", "A", ""]))))
    def test_ids_are_good_different_and_the_same_every_time(self, names: list[str]) -> None:
        ids = unique_ids(names)
        assert len(set(ids)) == len(ids) == len(names)
        assert [check_id(id_) for id_ in ids] == ids
        assert unique_ids(names) == ids

    def test_names_that_collide_get_numbers_in_order(self) -> None:
        assert unique_ids(["dem.tif", "dem.vrt", "dem-2.tif", "dem.json"]) == ["dem", "dem-2", "dem-2-2", "dem-3"]


class TestProcesses:
    def test_workers_get_what_the_command_line_said(self, folder: Path) -> None:
        (folder / "my.yml").write_text(collection())
        for sources in (["my.yml"], ["dem.tif", "mosaic.json"]):
            line = CommandLine(sources=sources, folder=folder)
            assert config_from_environment({VARIABLE: line.variable}) == line.config({})

    def test_the_variable_may_be_a_path(self, folder: Path) -> None:
        (folder / "my.yml").write_text(collection(data="${DATA}"))
        config = config_from_environment({VARIABLE: str(folder / "my.yml"), "DATA": "dem.tif"})
        assert list(config.resources) == ["dem"]

    def test_without_the_variable_the_current_folder_is_served(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "config.yml").write_text(collection())
        monkeypatch.chdir(folder)
        assert list(config_from_environment({}).resources) == ["dem"]


def keys(section: type[Section], prefix: str = "") -> dict[str, Any]:
    """Every key that holds a value, with its default: `<id>` stands for ids, `[]` for items."""
    joints = {"resources": ".<id>.", "styles": ".<id>.", "providers": "[].", "links": "[]."}
    found: dict[str, Any] = {}
    for name, info in section.model_fields.items():
        inner = nested(section, name)
        if inner:
            found |= keys(inner, prefix + name + joints.get(name, "."))
        else:
            found[prefix + name] = "required" if info.is_required() else info.get_default(call_default_factory=True)
    return found


class TestDocumentation:
    def test_every_key_is_in_the_table_and_nothing_else(self) -> None:
        assert set(ROWS) == set(keys(File))

    @pytest.mark.parametrize(("key", "default"), [(k, v) for k, v in keys(File).items() if v not in (None, ())])
    def test_the_table_gives_the_true_default(self, key: str, default: Any) -> None:
        said = ROWS[key]
        assert said == default == "required" or tuple_of(yaml.safe_load(said.strip("`"))) == default

    def test_the_examples_have_no_mistakes(self, folder: Path) -> None:
        (folder / "relief.tif").write_bytes((folder / "dem.tif").read_bytes())
        examples = re.findall(r"^```yaml\n(.*?)^```", TABLE, re.MULTILINE | re.DOTALL)
        assert examples
        for example in examples:
            assert load(folder, example).resources

    def test_the_colormaps_of_the_table_can_be_drawn(self, folder: Path) -> None:
        table = TABLE.partition("## Colormaps")[2].partition("\n\nColours")[0]
        examples = re.findall(r"\| `(.+?)`(?:, `(.+?)`)? \|$", table, re.MULTILINE)
        assert len(examples) == 5
        for example in (text for pair in examples for text in pair if text):
            has_values = example.startswith(("[[", "[{", "{"))
            style_of(folder, f"{{fields: [a], {'' if has_values else 'range: [0, 1], '}colormap: {example}}}")


def tuple_of(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
