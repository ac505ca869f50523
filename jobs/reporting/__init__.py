"""How a report is put together: its shape, its sections, and the tables and the page that show it."""
