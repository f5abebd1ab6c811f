"""The database: nothing outside knows that it is SQLite."""
