"""The text of a configuration: environment variables in YAML."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogcapi.config.document import parse_document
from tests.config.files import collection, load, mistakes


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
        environ = {"A": "1 ${B}", "B": ""}
        expected = {"${A}": "1 ${B}", "${B}": "", "${A:-x}": "1 ${B}", "${NOT:-x y}": "x y", "${NOT:-}": ""}
        document = parse_document(json.dumps({"key": "".join(parts)}, ensure_ascii=False), environ)
        assert document.mistakes == {}
        assert document.values["key"] == "".join(expected.get(part, part) for part in parts)
