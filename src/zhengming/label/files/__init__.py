"""The implicit label of files: where each format keeps it, read from bytes and written as splices of bytes.

A format is one module. It never re-encodes: it says which bytes change (:class:`~zhengming.label.files.base.Splice`),
and everything else of the file stays as it is.
"""
