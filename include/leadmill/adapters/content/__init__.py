"""Content: templates in a sandbox, rendered mails, and their RFC 5322 bytes."""
