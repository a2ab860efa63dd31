"""Renders templates with Jinja2 as Ansible's template module sets it up: JSON lines in, JSON lines out."""

import json
import sys

import jinja2

environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(sys.argv[1:]),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps(environment.get_template(job["template"]).render(job["view"])))
