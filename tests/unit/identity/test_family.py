"""A family that cannot be meant is refused when it is declared, with the place and what would be right."""

from __future__ import annotations

from typing import Any

import ibis
import pytest

from regulars.errors import DeclarationError
from regulars.identity.family import relation_rows, roster_rows
from regulars.records.intake import typed_schema
from regulars.records.record import Stream, declare_stream

RELATION = {"who": "customer", "whom": "related", "whom_is": "code", "words": {"CHI": "child"}}
ROSTER = {"id": "contract", "who": "customer"}


def declared(**said: object) -> Stream:
    fields = dict.fromkeys(("customer", "related", "contract"), "id") | {"code": "text", "email": "text", "n": "integer"}
    return declare_stream("gym", "relations", {"key": "customer", "fields": fields, **said})


@pytest.mark.parametrize(("said", "path", "hint"), [
    ({"family": [{**RELATION, "whomis": "code"}]}, ("family", 0, "whomis"), "did you mean 'whom_is'?"),
    ({"family": [{"whom": "related", "whom_is": "child"}]}, ("family", 0), "who"),
    ({"family": [{"who": "customer", "whom_is": "child"}]}, ("family", 0), "`whom:` or `whom_email:`"),
    ({"family": [{**RELATION, "whom_email": "email"}]}, ("family", 0), "`whom:` or `whom_email:`"),
    ({"family": [RELATION, {**RELATION, "words": {"PRE": "parrent"}}]}, ("family", 1, "words"), "did you mean 'parent'?"),
    ({"family": [{"who": "customer", "whom": "related", "whom_is": "code"}]}, ("family", 0, "whom_is"), "`words:`"),
    ({"family": [{**RELATION, "confidence": "certain"}]}, ("family", 0, "confidence"), "high or medium"),
    ({"family": RELATION}, ("family",), "expected a list"),
    ({"roster": {**ROSTER, "owners": "customer"}}, ("roster", "owners"), "did you mean 'owner'?"),
    ({"roster": {"who": "customer"}}, ("roster",), "'id'"),
], ids=str)
def test_a_mistake_is_named_with_its_place(said: dict[str, Any], path: tuple[object, ...], hint: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declared(**said)

    assert refused.value.path == path
    assert hint in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(("said", "path", "hint"), [
    ({"family": [{**RELATION, "whom": "relatd"}]}, ("family", 0, "whom"), "did you mean 'related'?"),
    ({"family": [{**RELATION, "only_if": "n"}]}, ("family", 0, "only_if"), "not boolean"),
    ({"roster": {**ROSTER, "id": "contrct"}}, ("roster", "id"), "did you mean 'contract'?"),
], ids=str)
def test_a_formula_that_does_not_fit_the_fields_is_named_with_its_place(
    said: dict[str, Any], path: tuple[object, ...], hint: str
) -> None:
    stream = declared(**said)
    records = ibis.table(typed_schema(stream), name="records")

    with pytest.raises(DeclarationError) as refused:
        relation_rows(records, stream=stream) if stream.family else roster_rows(records, stream=stream)

    assert refused.value.path == path
    assert hint in f"{refused.value.message} {refused.value.hint}"
