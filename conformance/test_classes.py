"""The declaration of conformance. What it says of each class is judged at the end of a run: see report.py."""

from conformance.classes import BY_URI
from conformance.client import Service
from conformance.places import Places

CORE = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core"


def test_the_server_declares_what_it_conforms_to(service: Service) -> None:
    """Common 1 `/req/landing-page/conformance-success`: the least that every OGC API meets is Common's core."""
    assert CORE in service.document(service.address("/conformance"))["conformsTo"]


def test_classes_are_declared_with_those_that_they_build_on(declared: frozenset[str], at: Places) -> None:
    """The dependencies of the requirements classes."""
    for uri in sorted(declared & BY_URI.keys()):
        with at(uri):
            known = {BY_URI[other].key for other in declared & BY_URI.keys()}
            assert set(BY_URI[uri].needs) <= known
