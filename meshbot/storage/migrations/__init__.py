"""Changes of the tables from one version of the program to the next, run by Alembic."""
