"""As much of GraphQL as a platform's answers need: documents are read, and each field that is asked for is taken from a tree.

A tree is dicts and lists; a value may be a function of the field's arguments, called when it is asked for. ``__typename``
of a dict names its type for fragments and errors. A field that the tree does not have, a selection where there is none
to make, or a missing one, is refused as a schema would refuse it; nothing is answered then.

Source: the GraphQL specification of October 2021, sections 2 (language) and 6 (execution). Not here: named fragments,
subscriptions, block strings, introspection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

_TOKEN = re.compile(
    r'\s*(?:(\.\.\.|[{}()\[\]:!$=@|])|([_A-Za-z][_0-9A-Za-z]*)|("(?:[^"\\\n]|\\.)*")|(-?\d+(?:\.\d+)?))[\s,]*'
)


class GraphqlError(Exception):
    """The document is not what the schema takes; `code` as Shopify's extensions have it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Variable(msgspec.Struct, frozen=True):
    name: str


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A field, or an inline fragment when `on` is set."""

    name: str = ""
    alias: str = ""
    on: str = ""
    args: Mapping[str, Any] = {}
    directives: Mapping[str, Mapping[str, Any]] = {}
    inner: tuple[Selection, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """kind: query or mutation; `wants`: variables that may not be missing."""

    kind: str
    name: str
    wants: tuple[str, ...]
    known: tuple[str, ...]
    inner: tuple[Selection, ...]


def parse(text: str) -> Operation:
    """Read a document of one operation.

    Raises:
        GraphqlError: it cannot be read.
    """
    return _Parser(text).operation()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise GraphqlError("PARSE_ERROR", f"syntax error at character {at}")
            self._tokens.append(found.group(0).strip(" \t\r\n,"))
            at = found.end()
        self._tokens.append("")
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _take(self, wanted: str = "") -> str:
        token = self._tokens[self._at]
        if not token or (wanted and token != wanted):
            raise GraphqlError("PARSE_ERROR", f"syntax error: {token or 'the end'} instead of {wanted or 'more'}")
        self._at += 1
        return token

    def operation(self) -> Operation:
        kind, name = "query", ""
        wants: list[str] = []
        known: list[str] = []
        if self._peek() != "{":
            kind = self._take()
            if kind not in ("query", "mutation"):
                raise GraphqlError("PARSE_ERROR", f"no operation {kind}")
            if self._peek() not in ("(", "{"):
                name = self._take()
            if self._peek() == "(":
                self._variables(wants, known)
        inner = self._selections()
        if self._peek():
            raise GraphqlError("PARSE_ERROR", "more than one operation")
        return Operation(kind=kind, name=name, wants=tuple(wants), known=tuple(known), inner=inner)

    def _variables(self, wants: list[str], known: list[str]) -> None:
        self._take("(")
        while self._peek() != ")":
            self._take("$")
            name = self._take()
            known.append(name)
            self._take(":")
            needed = False
            while self._peek() not in ("$", ")", "="):
                needed = self._take() == "!"
            if self._peek() == "=":
                raise GraphqlError("PARSE_ERROR", "defaults of variables are not known here")
            if needed:
                wants.append(name)
        self._take(")")

    def _selections(self) -> tuple[Selection, ...]:
        self._take("{")
        found: list[Selection] = []
        while self._peek() != "}":
            found.append(self._selection())
        self._take("}")
        if not found:
            raise GraphqlError("PARSE_ERROR", "an empty selection")
        return tuple(found)

    def _selection(self) -> Selection:
        if self._peek() == "...":
            self._take()
            self._take("on")
            return Selection(on=self._take(), inner=self._selections())
        name, alias = self._take(), ""
        if self._peek() == ":":
            self._take()
            alias, name = name, self._take()
        args = self._arguments()
        directives: dict[str, Mapping[str, Any]] = {}
        while self._peek() == "@":
            self._take()
            word = self._take()
            directives[word] = self._arguments()
        inner = self._selections() if self._peek() == "{" else ()
        return Selection(name=name, alias=alias or name, args=args, directives=directives, inner=inner)

    def _arguments(self) -> dict[str, Any]:
        args: dict[str, Any] = {}
        if self._peek() != "(":
            return args
        self._take("(")
        while self._peek() != ")":
            name = self._take()
            self._take(":")
            args[name] = self._value()
        self._take(")")
        return args

    def _value(self) -> Any:
        token = self._take()
        if token == "$":
            return Variable(self._take())
        if token == "[":
            values = []
            while self._peek() != "]":
                values.append(self._value())
            self._take("]")
            return values
        if token == "{":
            fields = {}
            while self._peek() != "}":
                name = self._take()
                self._take(":")
                fields[name] = self._value()
            self._take("}")
            return fields
        words = {"true": True, "false": False, "null": None}
        if token in words:
            return words[token]
        return json.loads(token) if token[0] in '"-0123456789' else token


Tree = Mapping[str, Any]
#: a field's value as a function of its arguments
Resolver = Callable[[Mapping[str, Any]], Any]


def run(operation: Operation, variables: Mapping[str, Any], root: Tree) -> dict[str, Any]:
    """Take what an operation asks for from a tree.

    Raises:
        GraphqlError: something is asked for that is not there, or a variable is missing.
    """
    missing = [name for name in operation.wants if variables.get(name) is None]
    if missing:
        raise GraphqlError("INVALID_VARIABLE", f"Variable ${missing[0]} was provided invalid value")
    return _Run(operation, variables).select(operation.inner, root)


class _Run:
    def __init__(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        self._known, self._variables = operation.known, variables

    def select(self, selections: Sequence[Selection], tree: Tree) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for one in selections:
            if one.on:
                if tree.get("__typename") == one.on:
                    out.update(self.select(one.inner, tree))
                continue
            if one.name not in tree:
                kind = tree.get("__typename", "object")
                raise GraphqlError("undefinedField", f"Field '{one.name}' doesn't exist on type '{kind}'")
            out[one.alias] = self._value(one, tree[one.name])
        return out

    def _value(self, one: Selection, value: Any) -> Any:
        args = {name: self._filled(given) for name, given in one.args.items()}
        if callable(value):
            words = {f"@{word}": self._filled(dict(given)) for word, given in one.directives.items()}
            value = value({**args, **words})
        elif args:
            raise GraphqlError(
                "argumentNotAccepted", f"Field '{one.name}' doesn't accept argument '{next(iter(args))}'"
            )
        return self._cut(one, value)

    def _cut(self, one: Selection, value: Any) -> Any:
        if value is None or isinstance(value, msgspec.Raw):
            return value
        if isinstance(value, (list, tuple)):
            return [self._cut(one, item) for item in value]
        if isinstance(value, Mapping) != bool(one.inner):
            raise GraphqlError(
                "selectionMismatch", f"Field '{one.name}' must {'' if not one.inner else 'not '}have selections"
            )
        return self.select(one.inner, value) if one.inner else value

    def _filled(self, given: Any) -> Any:
        if isinstance(given, Variable):
            if given.name not in self._known:
                raise GraphqlError("variableNotDefined", f"Variable ${given.name} is used but not declared")
            return self._variables.get(given.name)
        if isinstance(given, list):
            return [self._filled(x) for x in given]
        if isinstance(given, dict):
            return {name: self._filled(x) for name, x in given.items()}
        return given


def first(items: Sequence[Any], most: int = 250) -> Resolver:
    """A plain list of which the first so many are asked for."""

    def cut(args: Mapping[str, Any]) -> list[Any]:
        return list(items[: _first(args, most)])

    return cut


def connection(items: Sequence[Any], kind: str = "Connection", most: int = 250) -> Resolver:
    """A connection of which the first so many are asked for."""

    def cut(args: Mapping[str, Any]) -> dict[str, Any]:
        size = _first(args, most)
        page = {"hasNextPage": len(items) > size, "endCursor": str(min(size, len(items))) if items else None}
        return {"__typename": kind, "nodes": list(items[:size]), "pageInfo": {"__typename": "PageInfo", **page}}

    return cut


def _first(args: Mapping[str, Any], most: int) -> int:
    size = args.get("first")
    if not isinstance(size, int) or not 1 <= size <= most:
        raise GraphqlError("argumentLiteralsIncompatible", f"first must be between 1 and {most}")
    return size
