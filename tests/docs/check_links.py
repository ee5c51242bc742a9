"""Checks the local links of Markdown files: the file is there, and so is the heading that a fragment names.

usage: check_links.py FILE.md...
"""
import functools
import pathlib
import re
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text):
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", "``", text)


@functools.cache
def anchors_of(path):
    """The fragments of a file's headings, as code hosts make them."""
    anchors = set()
    for heading in re.findall(r"^#+\s+(.*)$", path.read_text(), flags=re.M):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchors.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return anchors


def faults_of(path):
    for found in LINK.finditer(without_code(path.read_text())):
        target = found[1] or found[2]
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        if not linked.exists():
            yield f"{path}: {target}: there is no {linked}"
        elif fragment and linked.suffix == ".md" and fragment not in anchors_of(linked):
            yield f"{path}: {target}: no heading of that name (has: {', '.join(sorted(anchors_of(linked)))})"


def main():
    paths = [pathlib.Path(word).resolve() for word in sys.argv[1:]]
    faults = [fault for path in paths for fault in faults_of(path)]
    links = sum(len(LINK.findall(without_code(path.read_text()))) for path in paths)
    print("\n".join(faults + [f"{len(paths)} files, {links} links, {len(faults)} broken"]))
    sys.exit(1 if faults or not links else 0)


main()
