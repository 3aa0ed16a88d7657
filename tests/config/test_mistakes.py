"""What a configuration is told when it says something wrong."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogcapi.config import ConfigMistakes, load_config
from ogcapi.pixels.overlay import MosaicMethod
from tests.config.files import ROWS, collection, load, mistakes

WORDS = [*re.findall(r"[a-z_]+", " ".join(ROWS)), "dem"]


class TestMistakes:
    def test_files_that_could_not_be_written_are_told_before_anything_is_served(self, folder: Path) -> None:
        said = mistakes(
            folder,
            """
server: {cache: {folder: dem.tif}}
logging: {logfile: nowhere/server.log}
resources: {}
""",
        )
        assert "server.cache.folder (line 2): 'dem.tif' was given; expected a folder, or where none is yet" in said
        assert "logging.logfile (line 3): 'nowhere/server.log' was given; expected a file in a folder" in said
        assert "expected a file in a folder" in mistakes(folder, "logging: {logfile: .}\nresources: {}\n")

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
            ("resources.dem.providers[0].options.mosaic_method (line 17): 'first'", "only a MosaicJSON has one"),
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

    @pytest.mark.parametrize("method", MosaicMethod)
    def test_every_method_that_mosaics_know_can_be_configured(self, folder: Path, method: MosaicMethod) -> None:
        config = load(folder, collection(f"{{mosaic_method: {method}}}", "MosaicJSON", "mosaic.json"))
        assert config.resources["dem"].options.mosaic_method is method
        assert method in mistakes(folder, collection("{mosaic_method: best}", "MosaicJSON", "mosaic.json"))

    @pytest.mark.parametrize(
        "href", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/x", "http://", ""]
    )
    def test_links_lead_to_the_web_or_to_a_mailbox(self, folder: Path, href: str) -> None:
        said = mistakes(folder, collection() + f"    links: [{{href: '{href}'}}]\n")
        assert "resources.dem.links[0].href (line 5)" in said

    @pytest.mark.parametrize("href", ["https://example.org/a?b=c#d", "HTTP://example.org", "mailto:us@example.org"])
    def test_such_links_are_taken_as_they_are_written(self, folder: Path, href: str) -> None:
        config = load(folder, collection() + f"    links: [{{href: '{href}'}}]\n")
        assert config.resources["dem"].links == ({"href": href, "rel": "related"},)

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
