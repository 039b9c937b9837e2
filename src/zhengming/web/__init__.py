"""The ground that all pages stand on: rendering, static files, sessions, checks of a request, words and numbers."""
