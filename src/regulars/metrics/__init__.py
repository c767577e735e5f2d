"""What we watch: numbers with one definition each, over business days, weeks and months."""
