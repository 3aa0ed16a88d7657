"""The API keeps what its own description says, whatever is asked of it."""

from __future__ import annotations

import schemathesis
from hypothesis import settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ogcapi.app import create_app
from ogcapi.config import load_config
from tests.web.conftest import ROOT

schema = schemathesis.openapi.from_asgi("/api?f=json", create_app(load_config(ROOT / "config.yml", {})))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schema.parametrize()
@settings(max_examples=40)
def test_every_answer_is_a_documented_one(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS)
