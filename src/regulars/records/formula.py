"""Formulas: small expressions over a record's fields, checked when read and compiled to a column.

A formula looks like Python and can do nothing but compute one value from one row:

- names of fields: `customer_id`; a time field's business day is `day(checked_in_at)`
- literals: `"text"` (a backslash is a backslash), `12`, `0.0825` (an exact decimal), `true`, `false`, `null`
- `and  or  not  ==  !=  <  <=  >  >=  in ("a", "b")  not in  is null  is not null`; comparisons may be chained
- `+  -  *` exact on integers and decimals; `//` whole quotient; `/` ratio rounded to six places; `%` remainder;
  `+` also joins text; dividing by 0 gives null
- `a if condition else b`
- the functions of `FUNCTIONS` (formula_functions.py): name, signature, sentence

Anything compared with a missing value is missing, and a condition that is missing does not hold: write `x is null`.
Integers stay integers; decimals have six places and come back as decimal(18,6); there are no floats, so DuckDB and
Spark agree to the last digit. Dates and times compare with text such as "2024-10-01".
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from regulars.check import did_you_mean
from regulars.errors import DeclarationError
from regulars.later import dt, ibis, ir
from regulars.records.formula_functions import DECIMAL, FUNCTIONS, Function, exact_decimal, quotient, whole

Path = tuple[str | int, ...]

_WORDS = {"true": True, "false": False, "null": None}
_Pairing: TypeAlias = "Callable[[ir.Value, ir.Value], ir.Value]"
_COMPARE: dict[type[ast.cmpop], _Pairing] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_INTEGERS: dict[type[ast.operator], _Pairing] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: quotient,
    ast.Mod: lambda a, b: a - quotient(a, b) * b,
}
_DECIMALS: dict[type[ast.operator], _Pairing] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: (a.cast("float64") / b.cast("float64").nullif(0.0)).round(6),
}
_WRITTEN_OUT = {"regex": str, "words": str, "rate": (str, Decimal, int), "whole": int}
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.IfExp, ast.Call, ast.Constant, ast.Name,
    ast.List, ast.Tuple, ast.expr_context, ast.boolop, ast.cmpop, ast.Not, ast.USub, ast.Add, ast.Sub, ast.Mult,
    ast.Div, ast.FloorDiv, ast.Mod,
)

# Until Python 3.11.8 and 3.12.2 two threads that parse count their depth together, and one fails when collection of
# garbage lets the other in between (python/cpython#106905): the first request to a server did, now and then.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula that has been read: its text, the fields it needs, and how to compute it."""

    text: str
    names: frozenset[str]                    # fields it reads
    tree: ast.expr
    path: Path = ()                          # where in the declaration it stands, for errors

    @classmethod
    def parse(cls, text: str, *, path: Path = ()) -> Formula:
        """Read a formula.

        Raises DeclarationError with the column of the first thing that is no formula: syntax, an unknown function, a
        wrong number of arguments.
        """
        line = " ".join(str(text).splitlines()).strip()
        try:
            with _ONE_AT_A_TIME:
                tree = ast.parse(_python(line), mode="eval").body
        except SyntaxError as error:
            message = f"{line!r}, column {error.offset or 1}: {error.msg}"
            raise DeclarationError(message, hint='a formula looks like `status == "ACT"`', path=path) from error
        formula = cls(text=line, names=_names(tree), tree=tree, path=path)
        for node in ast.walk(tree):
            _check_node(formula, node)
        return formula

    def column(self, table: ir.Table) -> ir.Value:
        """Return the formula's value for each row of a table.

        Raises DeclarationError when a name is no column of the table or types do not go together.
        """
        return _Compiler(formula=self, table=table).value(self.tree)

    def kind(self, schema: ibis.Schema) -> dt.DataType:
        """Return the type the formula has over columns of a schema. Raises DeclarationError as `column` does."""
        return self.column(ibis.table(schema, name="records")).type()

    def error(self, node: ast.AST, message: str, hint: str = "") -> DeclarationError:
        """Return the error that points at a node of this formula."""
        offset = getattr(node, "col_offset", 0)
        column = offset + 1 - _python(self.text)[:offset].count("\\") // 2
        return DeclarationError(f"{self.text!r}, column {column}: {message}", hint=hint, path=self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiler:
    formula: Formula
    table: ir.Table

    def value(self, node: ast.expr) -> ir.Value:  # noqa: PLR0911 - one answer for each kind of node
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=ast.Not()):
                return ~self._boolean(node.operand)
            case ast.UnaryOp():
                return -self._of(node.operand, "number")
            case ast.BoolOp():
                values = [self._boolean(part) for part in node.values]
                return ibis.and_(*values) if isinstance(node.op, ast.And) else ibis.or_(*values)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                yes, no = self._alike(node, self.value(node.body), self.value(node.orelse))
                return ibis.ifelse(self._boolean(node.test), yes, no)
            case ast.Call():
                return self._call(node)
        raise self.formula.error(node, "a list stands only after `in`")

    def _literal(self, node: ast.Constant) -> ir.Value:
        match node.value:
            case None:
                return ibis.null()
            case bool():
                return ibis.literal(node.value)
            case int():
                if abs(node.value) >= 2**63:
                    raise self.formula.error(node, "a number beyond 64 bits")
                return ibis.literal(node.value, "int64")
            case float():
                return ibis.literal(_written(self.formula, node), DECIMAL)
            case str():
                return ibis.literal(node.value)
        raise self.formula.error(node, f"{node.value!r} is no literal of a formula", "text, numbers, true, false, null")

    def _name(self, node: ast.Name) -> ir.Value:
        if node.id in _WORDS and node.id not in self.table.columns:
            return self._literal(ast.Constant(value=_WORDS[node.id], col_offset=node.col_offset))
        if node.id not in self.table.columns:
            raise self.formula.error(node, f"there is no field {node.id!r}", did_you_mean(node.id, self.table.columns))
        column = self.table[node.id]
        if column.type().is_integer():
            return column.cast("int64")
        return exact_decimal(column) if column.type().is_numeric() else column

    def _of(self, node: ast.expr, kind: str) -> ir.Value:
        """Return the value of a node, which must be of a kind; a time field stands for its business day as a date."""
        value = self.value(node)
        if kind == "date" and value.type().is_timestamp():
            day = f"{node.id}_day" if isinstance(node, ast.Name) else ""
            if day not in self.table.columns:
                raise self.formula.error(node, "only a time field has a business day", "name the field itself")
            return self.table[day]
        if kind == "date" and value.type().is_string() and isinstance(node, ast.Constant):
            return value.cast("date")
        if not _is_kind(value.type(), kind):
            raise self.formula.error(node, f"expected {kind}, not {_kind_of(value.type())}", _CONVERT.get(kind, ""))
        return value.cast(_NULL_AS[kind]) if value.type().is_null() and kind in _NULL_AS else value

    def _boolean(self, node: ast.expr) -> ir.Value:
        return self._of(node, "boolean")

    def _arithmetic(self, node: ast.BinOp) -> ir.Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and left.type().is_string() and right.type().is_string():
            return left + right
        left, right = self._of(node.left, "number"), self._of(node.right, "number")
        if left.type().is_integer() and right.type().is_integer() and not isinstance(node.op, ast.Div):
            return _INTEGERS[type(node.op)](left, right)
        if type(node.op) not in _DECIMALS:
            raise self.formula.error(node, "`//` and `%` are for whole numbers", "use `integer(…)` or `/`")
        return _DECIMALS[type(node.op)](exact_decimal(left), exact_decimal(right)).try_cast(DECIMAL)

    def _compare(self, node: ast.Compare) -> ir.Value:
        found: list[ir.Value] = []
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            found.append(self._pair(node, left, op, right))
            left = right
        return found[0] if len(found) == 1 else ibis.and_(*found)

    def _pair(self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ir.Value:
        if _is_null(left) or _is_null(right):
            if not isinstance(op, ast.Is | ast.IsNot) or _is_null(left):
                raise self.formula.error(node, "nothing equals a missing value", "write `x is null` or `x is not null`")
            value = self.value(left)
            return value.isnull() if isinstance(op, ast.Is) else value.notnull()
        if isinstance(op, ast.Is | ast.IsNot):
            raise self.formula.error(right, "`is` is only for `is null` and `is not null`", "use `==`")
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
                raise self.formula.error(right, "`in` needs a list", 'write `x in ("a", "b")`')
            value = self.value(left)
            options = [self._alike(part, value, self.value(part))[1] for part in right.elts]
            return value.isin(options) if isinstance(op, ast.In) else value.notin(options)
        return _COMPARE[type(op)](*self._alike(right, self.value(left), self.value(right)))

    def _alike(self, node: ast.AST, left: ir.Value, right: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return two values as one type: integers beside decimals, written dates beside dates, null beside anything."""
        a, b = left.type(), right.type()
        if a.is_null() or b.is_null():
            return (left.cast(b), right) if a.is_null() else (left, right.cast(a))
        if a.is_decimal() != b.is_decimal() and a.is_numeric() and b.is_numeric():
            return exact_decimal(left), exact_decimal(right)
        if a.is_temporal() and b.is_string():
            return left, right.cast(a)
        if b.is_temporal() and a.is_string():
            return left.cast(b), right
        if _kind_of(a) != _kind_of(b):
            raise self.formula.error(node, f"{_kind_of(a)} beside {_kind_of(b)}", _CONVERT.get(_kind_of(a), ""))
        return left, right

    def _call(self, node: ast.Call) -> ir.Value:
        function = FUNCTIONS[node.func.id]  # type: ignore[attr-defined]  # checked when the formula was read
        args = [
            self.value(arg) if function.kind_of(n) in _WRITTEN_OUT else self._of(arg, function.kind_of(n))
            for n, arg in enumerate(node.args)
        ]
        if function.name in {"coalesce", "least", "greatest"}:
            args = [self._alike(arg_node, args[0], arg)[1] for arg_node, arg in zip(node.args, args, strict=True)]
        if function.name in {"text", "concat"} and any(arg.type().is_timestamp() for arg in args):
            raise self.formula.error(node, "engines write times differently", "use `day(…)`")
        return function.build(args)


_CONVERT = {"text": "text(…) makes it text", "integer": "integer(…) makes it a whole number",
            "number": "integer(…) or decimal(…) makes it a number", "boolean": "compare it: `x == 1`"}
_NULL_AS = {"text": "string", "integer": "int64", "number": "int64", "boolean": "boolean", "date": "date"}


def _python(text: str) -> str:
    """Return a formula as Python reads it: backslashes mean themselves, since regexes are full of them."""
    return text.replace("\\", "\\\\")


def _kind_of(kind: dt.DataType) -> str:
    for name, holds in (("text", kind.is_string()), ("boolean", kind.is_boolean()), ("integer", kind.is_integer()),
                        ("number", kind.is_numeric()), ("date", kind.is_date()), ("time", kind.is_timestamp())):
        if holds:
            return "number" if name == "integer" else name
    return "null" if kind.is_null() else str(kind)


def _is_kind(kind: dt.DataType, wanted: str) -> bool:
    if kind.is_null() or wanted == "any":
        return True
    return kind.is_integer() if wanted == "integer" else _kind_of(kind) == wanted


def _is_null(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (isinstance(node, ast.Name) and node.id == "null")


def _names(tree: ast.expr) -> frozenset[str]:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return frozenset(names - set(_WORDS))


def _written(formula: Formula, node: ast.Constant) -> Decimal:
    value = Decimal(ast.get_source_segment(_python(formula.text), node) or str(node.value))
    if value != round(value, 6) or abs(value) >= 10**12:
        raise formula.error(node, f"{value} has more than six places or twelve digits")
    return value


def _check_node(formula: Formula, node: ast.AST) -> None:
    if not isinstance(node, _ALLOWED):
        what = f"{type(node).__name__} is not part of formulas"
        raise formula.error(node, what, "names, literals, operators, functions")
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        _written(formula, node)
    if not isinstance(node, ast.Call):
        return
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        name = ast.unparse(node.func)
        raise formula.error(node, f"there is no function {name!r}", did_you_mean(name, FUNCTIONS))
    function = FUNCTIONS[node.func.id]
    if node.keywords or not function.least <= len(node.args) <= (function.most or len(node.args)):
        raise formula.error(node, f"{function.name} is not called so", f"write `{function.signature}`")
    for n, arg in enumerate(node.args):
        _check_written_out(formula, function, n, arg)


def _check_written_out(formula: Formula, function: Function, position: int, arg: ast.expr) -> None:
    kind = function.kind_of(position)
    if kind not in _WRITTEN_OUT:
        return
    value: object = arg.value if isinstance(arg, ast.Constant) else None
    if isinstance(arg, ast.Constant) and isinstance(value, float):
        value = _written(formula, arg)
    if value is None or isinstance(value, bool) or not isinstance(value, _WRITTEN_OUT[kind]):  # type: ignore[arg-type]  # types
        raise formula.error(arg, f"{kind} must be written out", f"write `{function.signature}`")
    if kind == "regex":
        _check_regex(formula, arg, str(value))
    if kind == "rate":
        try:
            whole(value)  # type: ignore[arg-type]  # str, int or Decimal, by the check above
        except ValueError as error:
            raise formula.error(arg, str(error), f"write `{function.signature}`") from error


def _check_regex(formula: Formula, node: ast.expr, pattern: str) -> None:
    # Engines differ in what they add to regular expressions; look-around and back-references exist in one only.
    if re.search(r"\(\?[=!<]|\\[1-9]", pattern.replace(r"\\", "")):
        raise formula.error(node, "look-around and back-references are not read by every engine", "use a group")
    try:
        re.compile(pattern.replace(r"\p{L}", "a").replace(r"\p{N}", "0"))
    except re.error as error:
        raise formula.error(node, f"{pattern!r} is no regex: {error}") from error
