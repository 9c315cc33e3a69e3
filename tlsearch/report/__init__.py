"""What people see of a finished run: the HTML page, its charts, the texts and tables; and runs compared."""
