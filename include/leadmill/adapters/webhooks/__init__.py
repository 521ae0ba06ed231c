"""What each provider's words mean, and which fields of its webhook bodies we read: one file a provider."""
