"""Manifests of provenance (C2PA): signing them, judging them, and certificates for development.

Apart from `label`, because the library that does it is native and reads files of its own formats. A file from a
stranger is judged in a worker process with limits: :func:`zhengming.provenance.c2pa.verify` is made to be called there.
"""
