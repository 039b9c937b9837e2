"""The composition root: settings, lifespan, routes and the command line."""
