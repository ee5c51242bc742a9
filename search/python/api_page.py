"""Prints the API page (search/python/API.md) from the docstrings of the installed package.

usage: python search/python/api_page.py >search/python/API.md
"""

import inspect
import sys
from pathlib import Path

sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]  # not the sources
import switchyard as sy  # noqa: E402


def first_lines(thing) -> str:
    text = inspect.getdoc(thing) or ""
    lines = text.splitlines()
    if lines and "->" in lines[0] and "(" in lines[0]:  # nanobind puts the signature first
        lines = lines[1:]
    return "\n".join(lines).strip()


def signature(name: str, thing) -> str:
    try:
        return name + str(inspect.signature(thing)).replace("'", "")
    except (TypeError, ValueError):
        return (thing.__doc__ or name).splitlines()[0].replace("switchyard._core.", "")


def show_class(name: str, cls) -> None:
    print(f"\n## {name}\n\n{first_lines(cls)}\n")
    for member, thing in sorted(vars(cls).items()):
        if member.startswith("_"):
            continue
        if isinstance(thing, (bool, int, str)):
            print(f"- `{member} = {thing!r}`")
        elif isinstance(thing, property) or not callable(getattr(cls, member)):
            doc = first_lines(thing).split("\n")[0]
            print(f"- `{member}`" + (f": {doc}" if doc else ""))
        else:
            function = getattr(cls, member)
            doc = first_lines(function).split("\n\n")[0].replace("\n", " ")
            print(f"- `{signature(member, function)}`" + (f": {doc}" if doc else ""))


def main() -> None:
    print("# The Python package, from its docstrings\n\nMade by `python search/python/api_page.py`.\n")
    print(inspect.getdoc(sy))
    for name in sorted(sy.__all__):
        thing = getattr(sy, name)
        if inspect.isclass(thing):
            show_class(name, thing)
        elif inspect.ismodule(thing):
            print(f"\n## {name}\n\n{inspect.getdoc(thing)}")
            for member in thing.__all__:
                part = getattr(thing, member)
                if not inspect.isclass(part):
                    print(f"\n### {name}.{signature(member, part)}\n\n{first_lines(part)}")
        elif callable(thing):
            print(f"\n## {signature(name, thing)}\n\n{first_lines(thing)}")


if __name__ == "__main__":
    main()
