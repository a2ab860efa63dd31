"""Renders templates as ansible.builtin.template does: folders as arguments, JSON lines in, JSON lines out.

The lines between a template's text and a file's are those of the action plugin, without its round trip to a host; a
test compares a few specs with the module itself.
"""

import json
import os
import sys

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

folders = sys.argv[1:]
texts = {name: open(os.path.join(folder, name)).read() for folder in folders for name in os.listdir(folder)}
templar = Templar(loader=DataLoader())
overrides = {"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"}
for line in sys.stdin:
    job = json.loads(line)
    own = templar.copy_with_new_env(searchpath=folders, available_variables=job["view"])
    text = own.template(trust_as_template(texts[job["template"]]), escape_backslashes=False, overrides=overrides)
    print(json.dumps(text))
