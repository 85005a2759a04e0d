"""Pages in a browser over the tables of jobs: the server, pictures, and the pages' scripts (starlette, extra web)."""
