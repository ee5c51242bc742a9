"""Parts of the documentation that a command prints are what it prints now.

usage: check_generated.py BUILD_DIR [--update] FILE.md...

Such a part stands between `<!-- made by: COMMAND -->` and `<!-- end -->`, each on a line of its own. --update writes the
parts anew.
"""
import os
import pathlib
import re
import subprocess
import sys

PART = re.compile(r"(<!-- made by: (.*?) -->\n)(.*?)(<!-- end -->)", re.S)

words = sys.argv[1:]
update = "--update" in words
build, *files = [pathlib.Path(word).resolve() for word in words if word != "--update"]
environment = dict(os.environ, PATH=f"{build / 'bin'}:{os.environ['PATH']}", SWITCHYARD_DATA="")
parts = 0
faults = []
for file in files:
    text = file.read_text()

    def made_anew(part):
        global parts
        parts += 1
        made = subprocess.run(["bash", "-c", part[2]], env=environment, check=True, stdout=subprocess.PIPE, text=True)
        if made.stdout != part[3]:
            faults.append(f"{file}: not what `{part[2]}` prints now")
        return part[1] + made.stdout + part[4]

    anew = PART.sub(made_anew, text)
    if update and anew != text:
        file.write_text(anew)
if faults and not update:
    faults.append("mend it with: ninja -C BUILD_DIR update_docs")
print("\n".join(faults + [f"{parts} parts, {0 if update else len(faults)} stale"]))
sys.exit(1 if (faults and not update) or not parts else 0)
