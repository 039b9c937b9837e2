"""The console: what operators and first-time users open in the browser, and the management API beside it.

Each folder is one part with its `views` (routes and what they answer) and templates in `templates/<part>/`.
"""
