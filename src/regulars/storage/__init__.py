"""The only code near a database: landing (what came), lake (tables made of it), book (what we decided and did)."""
