"""The sandbox's own GraphQL: what is asked for comes, in its order and under its alias; what is not there is refused."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sandbox.graphql import GraphqlError, connection, first, parse, run

TREE: dict[str, Any] = {
    "shop": {"__typename": "Shop", "name": "A", "tags": ["x", "y"], "owner": None},
    "node": lambda args: {"__typename": args["id"].partition("/")[0], "id": args["id"], "size": 3},
    "orders": lambda args: connection([{"__typename": "Order", "id": n} for n in range(5)])(args),
    "list": first([{"n": 1}, {"n": 2}, {"n": 3}]),
    "do": lambda args: {"told": args},
}


def ask(text: str, **variables: Any) -> Any:
    return run(parse(text), variables, TREE)


def test_fields_come_as_asked_for_with_aliases_and_lists() -> None:
    assert ask("{ shop { tags title: name owner { x } } }") == {
        "shop": {"tags": ["x", "y"], "title": "A", "owner": None}
    }
    assert ask("query Q($n: Int!) { list(first: $n) { n } }", n=2) == {"list": [{"n": 1}, {"n": 2}]}


def test_a_connection_says_whether_there_is_more() -> None:
    text = "query ($n: Int!) { orders(first: $n) { nodes { id } pageInfo { hasNextPage } } }"
    assert ask(text, n=2) == {"orders": {"nodes": [{"id": 0}, {"id": 1}], "pageInfo": {"hasNextPage": True}}}
    assert ask(text, n=5)["orders"]["pageInfo"] == {"hasNextPage": False}


def test_a_fragment_is_taken_only_of_its_type() -> None:
    text = "query ($id: ID!) { node(id: $id) { id ... on Order { size } } }"
    assert ask(text, id="Order/1") == {"node": {"id": "Order/1", "size": 3}}
    assert ask(text, id="Refund/1") == {"node": {"id": "Refund/1"}}


def test_arguments_are_filled_from_literals_variables_and_directives() -> None:
    text = 'mutation M($x: In!, $k: String!) { do(a: {b: [1, -2.5, "q\\"", null, WORD, true]}, c: $x) @once(key: $k) { told } }'
    with pytest.raises(GraphqlError, match="must have selections"):
        ask(text, x={"y": 1}, k="7")
    seen: list[Any] = []
    tree = {"do": lambda args: seen.append(args) or {"ok": 1}}
    run(parse(text.replace("told", "ok")), {"x": {"y": 1}, "k": "7"}, tree)
    assert seen == [{"a": {"b": [1, -2.5, 'q"', None, "WORD", True]}, "c": {"y": 1}, "@once": {"key": "7"}}]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{ shop { nme } }", "undefinedField"),
        ("{ shop }", "selectionMismatch"),
        ("{ shop { name { x } } }", "selectionMismatch"),
        ("{ shop(id: 1) { name } }", "argumentNotAccepted"),
        ("{ orders(first: 251) { nodes { id } } }", "argumentLiteralsIncompatible"),
        ("{ orders { nodes { id } } }", "argumentLiteralsIncompatible"),
        ("query ($n: Int!) { list(first: $n) { n } }", "INVALID_VARIABLE"),
        ("query ($n: Int) { list(first: $m) { n } }", "variableNotDefined"),
        ("{ shop { name }", "PARSE_ERROR"),
        ("{ shop { } }", "PARSE_ERROR"),
        ("{ shop { name } } { shop { name } }", "PARSE_ERROR"),
        ("subscription { shop { name } }", "PARSE_ERROR"),
        ("{ shop { name } } ;", "PARSE_ERROR"),
        ("", "PARSE_ERROR"),
    ],
)
def test_what_the_schema_does_not_take_is_refused(text: str, code: str) -> None:
    with pytest.raises(GraphqlError) as caught:
        ask(text)
    assert caught.value.code == code
