"""Email service providers: one adapter a file."""
