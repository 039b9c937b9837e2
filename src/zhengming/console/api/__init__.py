"""The management API under `/api`: what the pages show and do, for programs, by the same functions.

`operations.OPERATIONS` is the one table: the router, the document, the reference page and the tests are made from it.
Only `mount` may be imported at a start; everything else loads FastAPI, and waits for the first request.
"""
