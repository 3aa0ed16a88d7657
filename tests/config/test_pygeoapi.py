"""A file for pygeoapi is a configuration, too."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.config.files import collection, load


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
