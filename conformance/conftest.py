"""Options, hooks and fixtures of the suite. See README.md."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from conformance.classes import CLASSES, classes_of
from conformance.client import Document, Service
from conformance.matrices import MatrixSet
from conformance.openapi import Api, Walk
from conformance.places import Places
from conformance.report import CLASS_PROPERTY, LEFT_OUT_PROPERTY, ClassReport
from conformance.schemas import Schemas, Validate
from conformance.tilesets import Tiling

HERE = Path(__file__).parent
BESIDE_THE_PROJECT = HERE.parent.parent / "shared" / "schemas"

SERVICE = pytest.StashKey[Service]()
DECLARED = pytest.StashKey[frozenset[str]]()
PLACES = pytest.StashKey[Places]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "conformance of an OGC API server")
    group.addoption("--url", help="address of the server's landing page")
    group.addoption(
        "--schemas",
        type=Path,
        default=BESIDE_THE_PROJECT,
        help="folder of the official schemas with its validate.py (default: ../shared/schemas beside the project)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance(*classes): the conformance classes that a test proves")


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if config.option.collectonly:
        return
    url = config.getoption("--url")
    if not url:
        raise pytest.UsageError("say which server to test: --url http://host/")
    schemas: Path = config.getoption("--schemas")
    if schemas != BESIDE_THE_PROJECT and not (schemas / "validate.py").is_file():
        raise pytest.UsageError(f"--schemas: there is no {schemas / 'validate.py'}")
    service = config.stash[SERVICE] = Service(url)
    try:
        service.answer(service.address("/"))
    except httpx.HTTPError as error:
        raise pytest.UsageError(f"no server answers at {url}: {error}") from error
    declared = config.stash[DECLARED] = _declared(service)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(ClassReport(declared, whole_suite=_is_whole_suite(config)), "class-report")


def pytest_unconfigure(config: pytest.Config) -> None:
    if SERVICE in config.stash:
        config.stash[SERVICE].close()


def _declared(service: Service) -> frozenset[str]:
    """What the server declares; nothing where that cannot be read, which test_classes.py reports."""
    try:
        return frozenset(service.document(service.address("/conformance"))["conformsTo"])
    except (AssertionError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return frozenset()


def _is_whole_suite(config: pytest.Config) -> bool:
    narrowing = ("keyword", "markexpr", "deselect", "lf", "maxfail")
    places = [Path(config.invocation_params.dir, argument) for argument in config.args]
    whole = any(HERE.is_relative_to(place.resolve()) for place in places)
    return whole and not any(config.getoption(name, default=None) for name in narrowing)


def pytest_itemcollected(item: pytest.Item) -> None:
    item.user_properties.extend((CLASS_PROPERTY, key) for key in classes_of(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test may fail where it proves only classes that the server does not declare."""
    report = yield
    keys = classes_of(item)
    declared = item.config.stash[DECLARED]
    if not keys or any(uri in declared for key in keys for uri in CLASSES[key].uris):
        return report
    if report.failed:
        report.outcome = "skipped"
        report.wasxfail = "the server does not declare " + " or ".join(keys)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test fails at its end where something was wrong at one of its places, or where it found none to look at.

    Where all was well but a check was left out, the test does not count as passed.
    """
    result = yield
    places = pyfuncitem.stash.get(PLACES, None)
    if places is not None and (places.faults or not places.seen):
        pytest.fail(str(places), pytrace=False)
    if any(name == LEFT_OUT_PROPERTY for name, _ in pyfuncitem.user_properties):
        pytest.skip("there are no official schemas to validate against")
    return result


@pytest.fixture
def at(request: pytest.FixtureRequest) -> Places:
    """What a test looks at, one place after the other."""
    places = Places()
    request.node.stash[PLACES] = places
    return places


@pytest.fixture(scope="session")
def service(pytestconfig: pytest.Config) -> Service:
    """The server under test."""
    return pytestconfig.stash[SERVICE]


@pytest.fixture(scope="session")
def declared(pytestconfig: pytest.Config) -> frozenset[str]:
    """The URIs of the conformance classes that the server declares."""
    return pytestconfig.stash[DECLARED]


@pytest.fixture(scope="session")
def schemas(pytestconfig: pytest.Config) -> Schemas | None:
    """The official schemas, where the run has them."""
    folder: Path = pytestconfig.getoption("--schemas")
    return Schemas(folder) if (folder / "validate.py").is_file() else None


@pytest.fixture
def validate(schemas: Schemas | None, request: pytest.FixtureRequest) -> Validate:
    """Validation against the official schemas, or a note of what was left out."""
    if schemas is not None:
        return schemas.validate

    def leave_out(document: object, schema: str) -> None:
        request.node.user_properties.append((LEFT_OUT_PROPERTY, schema))

    return leave_out


@pytest.fixture(scope="session")
def collections(service: Service) -> list[Document]:
    """The entries of the list of collections."""
    entries: list[Document] = service.document(service.address("/collections"))["collections"]
    assert entries, "the server has no collections"
    return entries


@pytest.fixture(scope="session")
def tiling(service: Service) -> Tiling:
    """All lists of tilesets and all tilesets that links lead to."""
    return Tiling.discover(service)


@pytest.fixture(scope="session")
def matrix_sets(service: Service, tiling: Tiling) -> list[MatrixSet]:
    """The tile matrix sets of all tilesets, of those with variable widths, and a sample of the rest."""
    return tiling.matrix_sets(service)


@pytest.fixture(scope="session")
def api(service: Service) -> Api:
    """The OpenAPI document that the landing page links to."""
    return Api.read(service)


@pytest.fixture(scope="session")
def walk(service: Service, api: Api) -> Walk:
    """The addresses that links lead to, by the path of the API that describes them."""
    return Walk.through(service, api)
