"""Holds each document of a manifest against the strict schemas of versions of Kubernetes.

python check_manifest.py MANIFEST VERSION...
"""

import sys

import kubernetes_validate
import yaml

manifest, *versions = sys.argv[1:]
with open(manifest, encoding="utf-8") as file:
    documents = list(yaml.safe_load_all(file))
assert len(documents) == 2, documents
for version in versions:
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
